-- What a job found out, where that is no model: an object of JSON.
ALTER TABLE job ADD COLUMN result TEXT;
