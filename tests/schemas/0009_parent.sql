BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'first','2026-01-31 12:00:00',1,X'987DCA3001830612EE801A29C2688C0E6806F272E7CDEE6A634F5CCEB2E9C449A30ABEDE4FE6D5A3E8CC5A2F24790CFE',0);
INSERT INTO "_sqlx_migrations" VALUES(2,'access','2026-01-31 12:00:00',1,X'C610930294AD09407DAB477C9CC808E89B058F2EA1EEE12C0989C943DBF1BC676188E71F33F3FF046E552CB94C41F93A',0);
INSERT INTO "_sqlx_migrations" VALUES(3,'sessions','2026-01-31 12:00:00',1,X'8DC3CE1654E29358D63FB5B6DDE42CA8CDBCDE6C6DFC7C23F2587D3703F29C24AEB642F18B2A9CAA16424C1522844472',0);
INSERT INTO "_sqlx_migrations" VALUES(5,'poster','2026-01-31 12:00:00',1,X'B378977C502D912965F9A349F208D78B71637D71BE0F7870A6D3120D9B025751D41BF899D94BB1ADEE678895CDEDC9EA',0);
INSERT INTO "_sqlx_migrations" VALUES(6,'job counts','2026-01-31 12:00:00',1,X'365004C1D6D07F63683ED7CCA584B0B8F5C0B565ACFC496A67FD8CC3E4D1C19D3BC16CCD60917DDE2C5546CCD36D387F',0);
INSERT INTO "_sqlx_migrations" VALUES(7,'job result','2026-01-31 12:00:00',1,X'54961A958DC39E282111E7BCC02653A0E12E00E7B46DAB6B8D5C0C74F49A229AE4CD5BFDDBD4BD5087BF636095D2DD5E',0);
INSERT INTO "_sqlx_migrations" VALUES(8,'trace','2026-01-31 12:00:00',1,X'9F0DF77A9DCFE52D88623BE2FB96C874A3E60A2FF7151F379561095FC1013925A419CF5BBE1360338CD7146E837B4275',0);
INSERT INTO "_sqlx_migrations" VALUES(9,'parent','2026-01-31 12:00:00',1,X'73F934840932E02432857B2979A339B2A1CF5232267E40787686FE15A61D747051875D525CF3735CAEFB5BAFEBF3BF4C',0);
CREATE TABLE api_key (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL, -- of one key in use at a time
    hash         BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
    scopes       TEXT    NOT NULL, -- a JSON array
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT;
INSERT INTO "api_key" VALUES(1,'root',X'AC083C0AF6EB5B66ADDCC8D82BC4B94359E38636BC97E243C0B4E18DD8FF11F5','["admin"]',1795612361731578,NULL,1795612361735054,NULL);
INSERT INTO "api_key" VALUES(2,'old',X'420C4DCB76F225F936CD587AD29926CB24D7AD1DDD2C75949FBFD99C5E2D73D1','["read"]',1795612361734993,NULL,NULL,1795612361755227);
CREATE TABLE artifact (
    run_id     BLOB    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name       TEXT    NOT NULL,
    media_type TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE checkpoint (
    run_id     BLOB    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step       INTEGER NOT NULL,
    epoch      REAL    NOT NULL,
    key        TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;
INSERT INTO "checkpoint" VALUES(X'01A212D648AE73268500F8EB6FED01B4',10,1.0,'runs/01a212d6-48ae-7326-8500-f8eb6fed01b4/1/checkpoint-10.lyc','992a5259298f45f28129d4ca4ea829cd40108bcb7827fb530b28574316b75e03',1341,1795612363722626);
INSERT INTO "checkpoint" VALUES(X'01A212D64C1775DA9E73B6BE748C4D5F',10,1.0,'runs/01a212d6-4c17-75da-9e73-b6be748c4d5f/1/checkpoint-10.lyc','af2d465247c7325e6f5d120c994d7a36c85eecc6e6c5d7b42004e7c0e7fb7b74',885,1795612363850608);
INSERT INTO "checkpoint" VALUES(X'01A212D64C5A74ED846516A9BA4EF045',480,48.0,'runs/01a212d6-4c5a-74ed-8465-16a9ba4ef045/1/checkpoint-480.lyc','cc907cc9e5dd67711c188330cf63f6e36d7cf05dc62c049c073aef8aaad850bf',1344,1795612363920401);
INSERT INTO "checkpoint" VALUES(X'01A212D64C5A74ED846516A9BA4EF045',490,49.0,'runs/01a212d6-4c5a-74ed-8465-16a9ba4ef045/1/checkpoint-490.lyc','bfe7ab8701e7a8acc81ef3dabcd7a559cefe9db1b8064e501f369f3abaa8d502',1344,1795612363920401);
CREATE TABLE dataset (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    last_version INTEGER NOT NULL, -- numbers are never given twice
    created_at   INTEGER NOT NULL
) STRICT;
INSERT INTO "dataset" VALUES(1,'iris',1,1795612362882371);
CREATE TABLE dataset_version (
    dataset_id INTEGER NOT NULL REFERENCES dataset (id),
    version    INTEGER NOT NULL CHECK (version > 0),
    digest     TEXT    NOT NULL, -- of bytes, format, hints and reader
    format     TEXT    NOT NULL,
    hints      TEXT    NOT NULL,
    schema     TEXT    NOT NULL,
    examples   INTEGER NOT NULL,
    bytes      INTEGER NOT NULL,
    sha256     TEXT    NOT NULL, -- of the upload
    key        TEXT    NOT NULL, -- the prefix of the canonical form among the artifacts
    created_at INTEGER NOT NULL,
    PRIMARY KEY (dataset_id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO "dataset_version" VALUES(1,1,'c56ab1d393474f878605c2e8997e34d83a18abf4a37ad2d58cccbacdf8cbd659','csv','{}','{"name":"iris","version":0,"format":"csv","examples":150,"bytes":3870,"sha256":"b6b8efc86732bc48c9fbddba53e2c191fd4f263c0ee98e2b1b7d3543e8d2121d","splits":[["all",150]],"columns":[{"name":"sepal_length_cm","kind":"number","dtype":"float64","shape":[],"classes":[],"missing":0},{"name":"sepal_width_cm","kind":"number","dtype":"float64","shape":[],"classes":[],"missing":0},{"name":"petal_length_cm","kind":"number","dtype":"float64","shape":[],"classes":[],"missing":0},{"name":"petal_width_cm","kind":"number","dtype":"float64","shape":[],"classes":[],"missing":0},{"name":"species","kind":"category","dtype":"string","shape":[],"classes":["setosa","versicolor","virginica"],"missing":0}]}',150,3870,'b6b8efc86732bc48c9fbddba53e2c191fd4f263c0ee98e2b1b7d3543e8d2121d','datasets/c56ab1d393474f878605c2e8997e34d83a18abf4a37ad2d58cccbacdf8cbd659',1795612362882371);
CREATE TABLE event (
    id     INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    job_id BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    kind   TEXT    NOT NULL CHECK (kind IN ('status', 'progress', 'metrics', 'checkpoint', 'resumed', 'log', 'end')),
    data   TEXT    NOT NULL,
    time   INTEGER NOT NULL
) STRICT;
INSERT INTO "event" VALUES(1,X'01A212D648A4768F8A83DEDEBA8E60BA','status','{"status":"queued","run":null}',1795612362916090);
INSERT INTO "event" VALUES(2,X'01A212D648A4768F8A83DEDEBA8E60BA','status','{"status":"running","run":"01a212d6-48ae-7326-8500-f8eb6fed01b4"}',1795612362926672);
INSERT INTO "event" VALUES(3,X'01A212D648A4768F8A83DEDEBA8E60BA','metrics','{"run":"01a212d6-48ae-7326-8500-f8eb6fed01b4","points":[{"name":"step_loss","step":1,"epoch":0.10666666666666667,"value":1.7255762815475464}]}',1795612363694476);
INSERT INTO "event" VALUES(4,X'01A212D648A4768F8A83DEDEBA8E60BA','metrics','{"run":"01a212d6-48ae-7326-8500-f8eb6fed01b4","points":[{"name":"step_loss","step":2,"epoch":0.21333333333333335,"value":1.0541975498199463},{"name":"step_loss","step":3,"epoch":0.32,"value":1.135427474975586},{"name":"step_loss","step":4,"epoch":0.4266666666666667,"value":1.174622893333435},{"name":"step_loss","step":5,"epoch":0.5333333333333333,"value":0.645596444606781},{"name":"step_loss","step":6,"epoch":0.64,"value":0.781707227230072},{"name":"step_loss","step":7,"epoch":0.7466666666666667,"value":0.7613793611526489},{"name":"step_loss","step":8,"epoch":0.8533333333333334,"value":0.6234355568885803},{"name":"step_loss","step":9,"epoch":0.96,"value":0.6531358957290649},{"name":"step_loss","step":10,"epoch":1.0,"value":0.8402252793312073},{"name":"loss","step":10,"epoch":1.0,"value":0.9461507376035054},{"name":"accuracy","step":10,"epoch":1.0,"value":0.5733333333333334},{"name":"learning_rate","step":10,"epoch":1.0,"value":0.05},{"name":"gradient_norm","step":10,"epoch":1.0,"value":0.689272403717041},{"name":"step_loss","step":11,"epoch":1.106666666666667,"value":0.6154860854148865},{"name":"step_loss","step":12,"epoch":1.2133333333333334,"value":0.5324187874794006},{"name":"step_loss","step":13,"epoch":1.32,"value":0.3686084449291229},{"name":"step_loss","step":14,"epoch":1.4266666666666667,"value":0.48571157455444336},{"name":"step_loss","step":15,"epoch":1.5333333333333332,"value":0.4543246328830719},{"name":"step_loss","step":16,"epoch":1.64,"value":0.5081488490104675},{"name":"step_loss","step":17,"epoch":1.7466666666666666,"value":0.2991442382335663},{"name":"step_loss","step":18,"epoch":1.8533333333333335,"value":0.44553473591804504},{"name":"step_loss","step":19,"epoch":1.96,"value":0.31450483202934265},{"name":"step_loss","step":20,"epoch":2.0,"value":0.22309239208698273},{"name":"loss","step":20,"epoch":2.0,"value":0.4381377949317296},{"name":"accuracy","step":20,"epoch":2.0,"value":0.8333333333333334},{"name":"learning_rate","step":20,"epoch":2.0,"value":0.05},{"name":"gradient_norm","step":20,"epoch":2.0,"value":0.32997019588947296}]}',1795612363726267);
INSERT INTO "event" VALUES(5,X'01A212D648A4768F8A83DEDEBA8E60BA','checkpoint','{"run":"01a212d6-48ae-7326-8500-f8eb6fed01b4","step":10}',1795612363726267);
INSERT INTO "event" VALUES(6,X'01A212D648A4768F8A83DEDEBA8E60BA','progress','{"epoch":2,"epochs":2,"step":20,"steps":20,"fraction":1.0,"eta_seconds":0.0,"examples_per_second":7146.09368052409}',1795612363726267);
INSERT INTO "event" VALUES(7,X'01A212D648A4768F8A83DEDEBA8E60BA','status','{"status":"succeeded","run":"01a212d6-48ae-7326-8500-f8eb6fed01b4"}',1795612363742962);
INSERT INTO "event" VALUES(8,X'01A212D648A4768F8A83DEDEBA8E60BA','end','{"status":"succeeded","metrics":{"step_loss":0.22309239208698273,"loss":0.4381377949317296,"accuracy":0.8333333333333334,"learning_rate":0.05,"gradient_norm":0.32997019588947296},"model":{"name":"iris","version":1},"error":null}',1795612363742962);
INSERT INTO "event" VALUES(9,X'01A212D64C0A76DB8FBF9E4D2A9A0500','status','{"status":"queued","run":null}',1795612363786831);
INSERT INTO "event" VALUES(10,X'01A212D64C0A76DB8FBF9E4D2A9A0500','status','{"status":"running","run":"01a212d6-4c17-75da-9e73-b6be748c4d5f"}',1795612363799158);
INSERT INTO "event" VALUES(11,X'01A212D64C0A76DB8FBF9E4D2A9A0500','metrics','{"run":"01a212d6-4c17-75da-9e73-b6be748c4d5f","points":[{"name":"step_loss","step":1,"epoch":0.10666666666666667,"value":1.7255762815475464}]}',1795612363802441);
INSERT INTO "event" VALUES(12,X'01A212D64C0A76DB8FBF9E4D2A9A0500','progress','{"epoch":1,"epochs":2,"step":1,"steps":20,"fraction":0.05,"eta_seconds":null,"examples_per_second":0.0}',1795612363802441);
INSERT INTO "event" VALUES(13,X'01A212D64C0A76DB8FBF9E4D2A9A0500','metrics','{"run":"01a212d6-4c17-75da-9e73-b6be748c4d5f","points":[{"name":"step_loss","step":2,"epoch":0.21333333333333335,"value":50297.80859375},{"name":"step_loss","step":3,"epoch":0.32,"value":144989.34375},{"name":"step_loss","step":4,"epoch":0.4266666666666667,"value":137717.46875},{"name":"step_loss","step":5,"epoch":0.5333333333333333,"value":15000.96484375},{"name":"step_loss","step":6,"epoch":0.64,"value":54690.9921875},{"name":"step_loss","step":7,"epoch":0.7466666666666667,"value":50915.1953125},{"name":"step_loss","step":8,"epoch":0.8533333333333334,"value":117781.96875},{"name":"step_loss","step":9,"epoch":0.96,"value":0.0},{"name":"step_loss","step":10,"epoch":1.0,"value":0.0},{"name":"loss","step":10,"epoch":1.0,"value":60948.84989480337},{"name":"accuracy","step":10,"epoch":1.0,"value":0.8},{"name":"learning_rate","step":10,"epoch":1.0,"value":1000000.0},{"name":"gradient_norm","step":10,"epoch":1.0,"value":0.3476354852318764}]}',1795612363803457);
INSERT INTO "event" VALUES(14,X'01A212D64C0A76DB8FBF9E4D2A9A0500','metrics','{"run":"01a212d6-4c17-75da-9e73-b6be748c4d5f","points":[{"name":"step_loss","step":11,"epoch":1.106666666666667,"value":12128.083984375},{"name":"step_loss","step":12,"epoch":1.2133333333333334,"value":24199.009765625},{"name":"step_loss","step":13,"epoch":1.32,"value":81140.5625},{"name":"step_loss","step":14,"epoch":1.4266666666666667,"value":166102.453125},{"name":"step_loss","step":15,"epoch":1.5333333333333332,"value":11742.404296875},{"name":"step_loss","step":16,"epoch":1.64,"value":0.0},{"name":"step_loss","step":17,"epoch":1.7466666666666666,"value":44600.078125},{"name":"step_loss","step":18,"epoch":1.8533333333333335,"value":51151.578125},{"name":"step_loss","step":19,"epoch":1.96,"value":0.0},{"name":"step_loss","step":20,"epoch":2.0,"value":0.0},{"name":"loss","step":20,"epoch":2.0,"value":41713.511458333334},{"name":"accuracy","step":20,"epoch":2.0,"value":0.8666666666666667},{"name":"learning_rate","step":20,"epoch":2.0,"value":1000000.0},{"name":"gradient_norm","step":20,"epoch":2.0,"value":0.2773811385035515}]}',1795612363850681);
INSERT INTO "event" VALUES(15,X'01A212D64C0A76DB8FBF9E4D2A9A0500','checkpoint','{"run":"01a212d6-4c17-75da-9e73-b6be748c4d5f","step":10}',1795612363850681);
INSERT INTO "event" VALUES(16,X'01A212D64C0A76DB8FBF9E4D2A9A0500','progress','{"epoch":2,"epochs":2,"step":20,"steps":20,"fraction":1.0,"eta_seconds":0.0,"examples_per_second":126104.58273394736}',1795612363850681);
INSERT INTO "event" VALUES(17,X'01A212D64C0A76DB8FBF9E4D2A9A0500','status','{"status":"succeeded","run":"01a212d6-4c17-75da-9e73-b6be748c4d5f"}',1795612363851978);
INSERT INTO "event" VALUES(18,X'01A212D64C0A76DB8FBF9E4D2A9A0500','end','{"status":"succeeded","metrics":{"step_loss":0.0,"loss":41713.511458333334,"accuracy":0.8666666666666667,"learning_rate":1000000.0,"gradient_norm":0.2773811385035515},"model":{"name":"diverges","version":1},"error":null}',1795612363851978);
INSERT INTO "event" VALUES(19,X'01A212D64C58727281DEA5DFC76CF759','status','{"status":"queued","run":null}',1795612363864276);
INSERT INTO "event" VALUES(20,X'01A212D64C58727281DEA5DFC76CF759','status','{"status":"running","run":"01a212d6-4c5a-74ed-8465-16a9ba4ef045"}',1795612363865912);
INSERT INTO "event" VALUES(21,X'01A212D64C8F738FB5AFF9B067063A6A','status','{"status":"queued","run":null}',1795612363919663);
INSERT INTO "event" VALUES(22,X'01A212D64C58727281DEA5DFC76CF759','metrics','{"run":"01a212d6-4c5a-74ed-8465-16a9ba4ef045","points":[{"name":"loss","step":10,"epoch":1.0,"value":0.9461507376035054},{"name":"accuracy","step":10,"epoch":1.0,"value":0.5733333333333334},{"name":"learning_rate","step":10,"epoch":1.0,"value":0.05},{"name":"gradient_norm","step":10,"epoch":1.0,"value":0.689272403717041},{"name":"loss","step":20,"epoch":2.0,"value":0.4381377949317296},{"name":"accuracy","step":20,"epoch":2.0,"value":0.8333333333333334},{"name":"learning_rate","step":20,"epoch":2.0,"value":0.05},{"name":"gradient_norm","step":20,"epoch":2.0,"value":0.32997019588947296},{"name":"loss","step":30,"epoch":3.0,"value":0.32082739571730295},{"name":"accuracy","step":30,"epoch":3.0,"value":0.8733333333333333},{"name":"learning_rate","step":30,"epoch":3.0,"value":0.05},{"name":"gradient_norm","step":30,"epoch":3.0,"value":0.235372756421566},{"name":"loss","step":40,"epoch":4.0,"value":0.2825837099552155},{"name":"accuracy","step":40,"epoch":4.0,"value":0.8866666666666667},{"name":"learning_rate","step":40,"epoch":4.0,"value":0.05},{"name":"gradient_norm","step":40,"epoch":4.0,"value":0.20760829299688335},{"name":"loss","step":50,"epoch":5.0,"value":0.25383516709009807},{"name":"accuracy","step":50,"epoch":5.0,"value":0.9133333333333332},{"name":"learning_rate","step":50,"epoch":5.0,"value":0.05},{"name":"gradient_norm","step":50,"epoch":5.0,"value":0.15280246138572692},{"name":"loss","step":60,"epoch":6.0,"value":0.2342204087972641},{"name":"accuracy","step":60,"epoch":6.0,"value":0.9266666666666666},{"name":"learning_rate","step":60,"epoch":6.0,"value":0.05},{"name":"gradient_norm","step":60,"epoch":6.0,"value":0.15929027050733566},{"name":"loss","step":70,"epoch":7.0,"value":0.21214320987463},{"name":"accuracy","step":70,"epoch":7.0,"value":0.94},{"name":"learning_rate","step":70,"epoch":7.0,"value":0.05},{"name":"gradient_norm","step":70,"epoch":7.0,"value":0.1442531682550907},{"name":"loss","step":80,"epoch":8.0,"value":0.19785345911979677},{"name":"accuracy","step":80,"epoch":8.0,"value":0.9466666666666668},{"name":"learning_rate","step":80,"epoch":8.0,"value":0.05},{"name":"gradient_norm","step":80,"epoch":8.0,"value":0.12326481714844705},{"name":"loss","step":90,"epoch":9.0,"value":0.1861404579877853},{"name":"accuracy","step":90,"epoch":9.0,"value":0.96},{"name":"learning_rate","step":90,"epoch":9.0,"value":0.05},{"name":"gradient_norm","step":90,"epoch":9.0,"value":0.13006967827677726},{"name":"loss","step":100,"epoch":10.0,"value":0.1767175821463267},{"name":"accuracy","step":100,"epoch":10.0,"value":0.96},{"name":"learning_rate","step":100,"epoch":10.0,"value":0.05},{"name":"gradient_norm","step":100,"epoch":10.0,"value":0.1604688610881567},{"name":"loss","step":110,"epoch":11.0,"value":0.16333604137102764},{"name":"accuracy","step":110,"epoch":11.0,"value":0.96},{"name":"learning_rate","step":110,"epoch":11.0,"value":0.05},{"name":"gradient_norm","step":110,"epoch":11.0,"value":0.11478574387729168},{"name":"loss","step":120,"epoch":12.0,"value":0.15828095257282257},{"name":"accuracy","step":120,"epoch":12.0,"value":0.96},{"name":"learning_rate","step":120,"epoch":12.0,"value":0.05},{"name":"gradient_norm","step":120,"epoch":12.0,"value":0.1259706374257803},{"name":"loss","step":130,"epoch":13.0,"value":0.14970379228393238},{"name":"accuracy","step":130,"epoch":13.0,"value":0.9666666666666668},{"name":"learning_rate","step":130,"epoch":13.0,"value":0.05},{"name":"gradient_norm","step":130,"epoch":13.0,"value":0.0912784233689308},{"name":"loss","step":140,"epoch":14.0,"value":0.14405898610750834},{"name":"accuracy","step":140,"epoch":14.0,"value":0.96},{"name":"learning_rate","step":140,"epoch":14.0,"value":0.05},{"name":"gradient_norm","step":140,"epoch":14.0,"value":0.1052933983504772},{"name":"loss","step":150,"epoch":15.0,"value":0.136999664803346},{"name":"accuracy","step":150,"epoch":15.0,"value":0.96},{"name":"learning_rate","step":150,"epoch":15.0,"value":0.05},{"name":"gradient_norm","step":150,"epoch":15.0,"value":0.11161583922803402},{"name":"loss","step":160,"epoch":16.0,"value":0.13307535399993262},{"name":"accuracy","step":160,"epoch":16.0,"value":0.9666666666666668},{"name":"learning_rate","step":160,"epoch":16.0,"value":0.05},{"name":"gradient_norm","step":160,"epoch":16.0,"value":0.08719443026930093},{"name":"loss","step":170,"epoch":17.0,"value":0.127221639106671},{"name":"accuracy","step":170,"epoch":17.0,"value":0.96},{"name":"learning_rate","step":170,"epoch":17.0,"value":0.05},{"name":"gradient_norm","step":170,"epoch":17.0,"value":0.09132142290472985},{"name":"loss","step":180,"epoch":18.0,"value":0.12334509193897247},{"name":"accuracy","step":180,"epoch":18.0,"value":0.9666666666666668},{"name":"learning_rate","step":180,"epoch":18.0,"value":0.05},{"name":"gradient_norm","step":180,"epoch":18.0,"value":0.13080256879329685},{"name":"loss","step":190,"epoch":19.0,"value":0.1180605673789978},{"name":"accuracy","step":190,"epoch":19.0,"value":0.9666666666666668},{"name":"learning_rate","step":190,"epoch":19.0,"value":0.05},{"name":"gradient_norm","step":190,"epoch":19.0,"value":0.11276807002723216},{"name":"loss","step":200,"epoch":20.0,"value":0.1161075715223948},{"name":"accuracy","step":200,"epoch":20.0,"value":0.9666666666666668},{"name":"learning_rate","step":200,"epoch":20.0,"value":0.05},{"name":"gradient_norm","step":200,"epoch":20.0,"value":0.09175464902073144},{"name":"loss","step":210,"epoch":21.0,"value":0.11238061298926671},{"name":"accuracy","step":210,"epoch":21.0,"value":0.9666666666666668},{"name":"learning_rate","step":210,"epoch":21.0,"value":0.05},{"name":"gradient_norm","step":210,"epoch":21.0,"value":0.1044870276004076},{"name":"loss","step":220,"epoch":22.0,"value":0.10828583707412084},{"name":"accuracy","step":220,"epoch":22.0,"value":0.9666666666666668},{"name":"learning_rate","step":220,"epoch":22.0,"value":0.05},{"name":"gradient_norm","step":220,"epoch":22.0,"value":0.0821661401540041},{"name":"loss","step":230,"epoch":23.0,"value":0.1067614663640658},{"name":"accuracy","step":230,"epoch":23.0,"value":0.9666666666666668},{"name":"learning_rate","step":230,"epoch":23.0,"value":0.05},{"name":"gradient_norm","step":230,"epoch":23.0,"value":0.08450504280626774},{"name":"loss","step":240,"epoch":24.0,"value":0.1029480900367101},{"name":"accuracy","step":240,"epoch":24.0,"value":0.9666666666666668},{"name":"learning_rate","step":240,"epoch":24.0,"value":0.05},{"name":"gradient_norm","step":240,"epoch":24.0,"value":0.08148131221532821},{"name":"loss","step":250,"epoch":25.0,"value":0.10086256206035614},{"name":"accuracy","step":250,"epoch":25.0,"value":0.9666666666666668},{"name":"learning_rate","step":250,"epoch":25.0,"value":0.05},{"name":"gradient_norm","step":250,"epoch":25.0,"value":0.06999227944761514},{"name":"loss","step":260,"epoch":26.0,"value":0.09887963712215424},{"name":"accuracy","step":260,"epoch":26.0,"value":0.9666666666666668},{"name":"learning_rate","step":260,"epoch":26.0,"value":0.05},{"name":"gradient_norm","step":260,"epoch":26.0,"value":0.10419967379420995},{"name":"loss","step":270,"epoch":27.0,"value":0.09845342616240184},{"name":"accuracy","step":270,"epoch":27.0,"value":0.96},{"name":"learning_rate","step":270,"epoch":27.0,"value":0.05},{"name":"gradient_norm","step":270,"epoch":27.0,"value":0.09852147325873375},{"name":"loss","step":280,"epoch":28.0,"value":0.09770485818386078},{"name":"accuracy","step":280,"epoch":28.0,"value":0.9666666666666668},{"name":"learning_rate","step":280,"epoch":28.0,"value":0.05},{"name":"gradient_norm","step":280,"epoch":28.0,"value":0.11004934944212436},{"name":"loss","step":290,"epoch":29.0,"value":0.09244613508383431},{"name":"accuracy","step":290,"epoch":29.0,"value":0.9666666666666668},{"name":"learning_rate","step":290,"epoch":29.0,"value":0.05},{"name":"gradient_norm","step":290,"epoch":29.0,"value":0.0991562969982624},{"name":"loss","step":300,"epoch":30.0,"value":0.09051959278682868},{"name":"accuracy","step":300,"epoch":30.0,"value":0.9733333333333334},{"name":"learning_rate","step":300,"epoch":30.0,"value":0.05},{"name":"gradient_norm","step":300,"epoch":30.0,"value":0.06895860675722361},{"name":"loss","step":310,"epoch":31.0,"value":0.09315747673312824},{"name":"accuracy","step":310,"epoch":31.0,"value":0.9666666666666668},{"name":"learning_rate","step":310,"epoch":31.0,"value":0.05},{"name":"gradient_norm","step":310,"epoch":31.0,"value":0.10333174876868724},{"name":"loss","step":320,"epoch":32.0,"value":0.08717182397842407},{"name":"accuracy","step":320,"epoch":32.0,"value":0.9733333333333334},{"name":"learning_rate","step":320,"epoch":32.0,"value":0.05},{"name":"gradient_norm","step":320,"epoch":32.0,"value":0.08212677109986544},{"name":"loss","step":330,"epoch":33.0,"value":0.08667989393075307},{"name":"accuracy","step":330,"epoch":33.0,"value":0.96},{"name":"learning_rate","step":330,"epoch":33.0,"value":0.05},{"name":"gradient_norm","step":330,"epoch":33.0,"value":0.1039267934858799},{"name":"loss","step":340,"epoch":34.0,"value":0.08442612538735071},{"name":"accuracy","step":340,"epoch":34.0,"value":0.9733333333333334},{"name":"learning_rate","step":340,"epoch":34.0,"value":0.05},{"name":"gradient_norm","step":340,"epoch":34.0,"value":0.058696883730590343},{"name":"loss","step":350,"epoch":35.0,"value":0.08399514555931091},{"name":"accuracy","step":350,"epoch":35.0,"value":0.9666666666666668},{"name":"learning_rate","step":350,"epoch":35.0,"value":0.05},{"name":"gradient_norm","step":350,"epoch":35.0,"value":0.0979381738230586},{"name":"loss","step":360,"epoch":36.0,"value":0.08269176915287972},{"name":"accuracy","step":360,"epoch":36.0,"value":0.9666666666666668},{"name":"learning_rate","step":360,"epoch":36.0,"value":0.05},{"name":"gradient_norm","step":360,"epoch":36.0,"value":0.08194569824263453},{"name":"loss","step":370,"epoch":37.0,"value":0.08192596048116683},{"name":"accuracy","step":370,"epoch":37.0,"value":0.9733333333333334},{"name":"learning_rate","step":370,"epoch":37.0,"value":0.05},{"name":"gradient_norm","step":370,"epoch":37.0,"value":0.10940666720271112},{"name":"loss","step":380,"epoch":38.0,"value":0.07940859933694204},{"name":"accuracy","step":380,"epoch":38.0,"value":0.9733333333333334},{"name":"learning_rate","step":380,"epoch":38.0,"value":0.05},{"name":"gradient_norm","step":380,"epoch":38.0,"value":0.07773765213787556},{"name":"loss","step":390,"epoch":39.0,"value":0.07763723622386655},{"name":"accuracy","step":390,"epoch":39.0,"value":0.9733333333333334},{"name":"learning_rate","step":390,"epoch":39.0,"value":0.05},{"name":"gradient_norm","step":390,"epoch":39.0,"value":0.06446896847337484},{"name":"loss","step":400,"epoch":40.0,"value":0.0821530192097028},{"name":"accuracy","step":400,"epoch":40.0,"value":0.9733333333333334},{"name":"learning_rate","step":400,"epoch":40.0,"value":0.05},{"name":"gradient_norm","step":400,"epoch":40.0,"value":0.11006155796349049},{"name":"loss","step":410,"epoch":41.0,"value":0.07617765868703524},{"name":"accuracy","step":410,"epoch":41.0,"value":0.9733333333333334},{"name":"learning_rate","step":410,"epoch":41.0,"value":0.05},{"name":"gradient_norm","step":410,"epoch":41.0,"value":0.06405556369572878},{"name":"loss","step":420,"epoch":42.0,"value":0.07845454136530558},{"name":"accuracy","step":420,"epoch":42.0,"value":0.9666666666666668},{"name":"learning_rate","step":420,"epoch":42.0,"value":0.05},{"name":"gradient_norm","step":420,"epoch":42.0,"value":0.079835912771523},{"name":"loss","step":430,"epoch":43.0,"value":0.07458141883214314},{"name":"accuracy","step":430,"epoch":43.0,"value":0.9733333333333334},{"name":"learning_rate","step":430,"epoch":43.0,"value":0.05},{"name":"gradient_norm","step":430,"epoch":43.0,"value":0.07160544861108065},{"name":"loss","step":440,"epoch":44.0,"value":0.07411000738541285},{"name":"accuracy","step":440,"epoch":44.0,"value":0.9733333333333334},{"name":"learning_rate","step":440,"epoch":44.0,"value":0.05},{"name":"gradient_norm","step":440,"epoch":44.0,"value":0.09525700099766254},{"name":"loss","step":450,"epoch":45.0,"value":0.07264355957508087},{"name":"accuracy","step":450,"epoch":45.0,"value":0.9733333333333334},{"name":"learning_rate","step":450,"epoch":45.0,"value":0.05},{"name":"gradient_norm","step":450,"epoch":45.0,"value":0.07644520457834006},{"name":"loss","step":460,"epoch":46.0,"value":0.07274325507382552},{"name":"accuracy","step":460,"epoch":46.0,"value":0.9733333333333334},{"name":"learning_rate","step":460,"epoch":46.0,"value":0.05},{"name":"gradient_norm","step":460,"epoch":46.0,"value":0.06306794472038746},{"name":"loss","step":470,"epoch":47.0,"value":0.07346314234038194},{"name":"accuracy","step":470,"epoch":47.0,"value":0.9666666666666668},{"name":"learning_rate","step":470,"epoch":47.0,"value":0.05},{"name":"gradient_norm","step":470,"epoch":47.0,"value":0.08989102086052299},{"name":"loss","step":480,"epoch":48.0,"value":0.0712576711177826},{"name":"accuracy","step":480,"epoch":48.0,"value":0.9733333333333334},{"name":"learning_rate","step":480,"epoch":48.0,"value":0.05},{"name":"gradient_norm","step":480,"epoch":48.0,"value":0.07751567363739013},{"name":"loss","step":490,"epoch":49.0,"value":0.07155094834665457},{"name":"accuracy","step":490,"epoch":49.0,"value":0.98},{"name":"learning_rate","step":490,"epoch":49.0,"value":0.05},{"name":"gradient_norm","step":490,"epoch":49.0,"value":0.05376648744568229}]}',1795612363939708);
INSERT INTO "event" VALUES(23,X'01A212D64C58727281DEA5DFC76CF759','checkpoint','{"run":"01a212d6-4c5a-74ed-8465-16a9ba4ef045","step":10}',1795612363939708);
INSERT INTO "event" VALUES(24,X'01A212D64C58727281DEA5DFC76CF759','checkpoint','{"run":"01a212d6-4c5a-74ed-8465-16a9ba4ef045","step":480}',1795612363939708);
INSERT INTO "event" VALUES(25,X'01A212D64C58727281DEA5DFC76CF759','checkpoint','{"run":"01a212d6-4c5a-74ed-8465-16a9ba4ef045","step":490}',1795612363939708);
INSERT INTO "event" VALUES(26,X'01A212D64C58727281DEA5DFC76CF759','progress','{"epoch":1,"epochs":1000000,"step":1,"steps":10000000,"fraction":1e-7,"eta_seconds":null,"examples_per_second":0.0}',1795612363939708);
INSERT INTO "event" VALUES(27,X'01A212D64CB676B1A92B62D47AB17565','status','{"status":"queued","run":null}',1795612363958754);
INSERT INTO "event" VALUES(28,X'01A212D64CB676B1A92B62D47AB17565','status','{"status":"paused","run":null}',1795612363969470);
INSERT INTO "event" VALUES(29,X'01A212D64CD374C08B993FE8FBD94689','status','{"status":"queued","run":null}',1795612363987449);
INSERT INTO "event" VALUES(30,X'01A212D64CD374C08B993FE8FBD94689','status','{"status":"cancelled","run":null}',1795612364014486);
INSERT INTO "event" VALUES(31,X'01A212D64CD374C08B993FE8FBD94689','end','{"status":"cancelled","metrics":{},"model":null,"error":null}',1795612364014486);
CREATE TABLE idempotency (
    scope      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    digest     BLOB    NOT NULL, -- of the body
    status     INTEGER NOT NULL,
    headers    TEXT    NOT NULL,
    body       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT;
INSERT INTO "idempotency" VALUES('POST /v1/jobs root','k1',X'12B9B9E3A2403E4273C87529263945DADFF1BB7A47E07758FAA5175568CB04ED',202,'[["location","/v1/jobs/01a212d6-48a4-768f-8a83-dedeba8e60ba"]]','{"id":"01a212d6-48a4-768f-8a83-dedeba8e60ba","name":"iris","status":"queued","desired":null,"priority":0,"labels":{"course":"6.S191"},"notes":"","spec":{"name":"iris","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"adam","learning_rate":0.05,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"weight_decay":0.0,"amsgrad":false},"metrics":["accuracy"],"batch_size":16,"epochs":2,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":0,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"iris","labels":{"course":"6.S191"},"spec_version":1},"deterministic":null,"created_at":"2026-11-25T13:12:42.916090Z","started_at":null,"finished_at":null,"queue_position":1,"progress":{"epoch":0,"epochs":0,"step":0,"steps":0,"fraction":0.0,"eta_seconds":null,"examples_per_second":0.0},"metrics":{},"runs":[],"model":null,"error":null}',1795612362916090);
CREATE TABLE job (
    id              BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    name            TEXT    NOT NULL,
    status          TEXT    NOT NULL CHECK (status IN ('queued', 'running', 'paused', 'retrying', 'succeeded', 'failed', 'cancelled')),
    desired         TEXT    CHECK (desired IN ('cancelled', 'paused')),
    priority        INTEGER NOT NULL,
    not_before      INTEGER NOT NULL, -- a retry waits until then
    threads         INTEGER NOT NULL CHECK (threads > 0),
    memory_mb       INTEGER NOT NULL CHECK (memory_mb > 0),
    device          TEXT    NOT NULL,
    resolved_device TEXT, -- what auto became at the first start
    deterministic   INTEGER CHECK (deterministic IN (0, 1)),
    max_attempts    INTEGER NOT NULL,
    timeout_us      INTEGER, -- running time over all runs
    attempt         INTEGER NOT NULL, -- the fencing number
    failures        INTEGER NOT NULL, -- runs that count against max_attempts
    progress        TEXT    NOT NULL,
    metrics         TEXT    NOT NULL, -- the latest value by series
    error           TEXT,
    notes           TEXT    NOT NULL,
    model_name      TEXT    NOT NULL,
    made_model      TEXT, -- the first model version that the job made
    made_version    INTEGER,
    created_at      INTEGER NOT NULL,
    started_at      INTEGER,
    finished_at     INTEGER, poster TEXT, result TEXT, trace TEXT,
    CHECK ((finished_at IS NOT NULL) = (status IN ('succeeded', 'failed', 'cancelled')))
) STRICT;
INSERT INTO "job" VALUES(X'01A212D648A4768F8A83DEDEBA8E60BA','iris','succeeded',NULL,0,0,1,512,'cpu','cpu',1,3,NULL,1,0,'{"epoch":2,"epochs":2,"step":20,"steps":20,"fraction":1.0,"eta_seconds":0.0,"examples_per_second":7146.09368052409}','{"step_loss":0.22309239208698273,"loss":0.4381377949317296,"accuracy":0.8333333333333334,"learning_rate":0.05,"gradient_norm":0.32997019588947296}',NULL,'','iris','iris',1,1795612362916090,1795612363629371,1795612363742962,'root','{"learning_rate":0.1,"minimum":1.0,"steepest":0.05,"steps":100}','00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01');
INSERT INTO "job" VALUES(X'01A212D64C0A76DB8FBF9E4D2A9A0500','diverges','succeeded',NULL,0,0,1,512,'cpu','cpu',1,3,NULL,1,0,'{"epoch":2,"epochs":2,"step":20,"steps":20,"fraction":1.0,"eta_seconds":0.0,"examples_per_second":126104.58273394736}','{"step_loss":0.0,"loss":41713.511458333334,"accuracy":0.8666666666666667,"learning_rate":1000000.0,"gradient_norm":0.2773811385035515}',NULL,'','diverges','diverges',1,1795612363786831,1795612363802369,1795612363851978,'root',NULL,NULL);
INSERT INTO "job" VALUES(X'01A212D64C58727281DEA5DFC76CF759','iris','running',NULL,0,0,1,512,'cpu','cpu',1,3,NULL,1,0,'{"epoch":1,"epochs":1000000,"step":1,"steps":10000000,"fraction":1e-7,"eta_seconds":null,"examples_per_second":0.0}','{"loss":0.07155094834665457,"accuracy":0.98,"learning_rate":0.05,"gradient_norm":0.05376648744568229}',NULL,'','iris',NULL,NULL,1795612363864276,1795612363910440,NULL,'root',NULL,NULL);
INSERT INTO "job" VALUES(X'01A212D64C8F738FB5AFF9B067063A6A','iris','queued',NULL,3,0,1,512,'cpu',NULL,NULL,3,NULL,0,0,'{"epoch":0,"epochs":0,"step":0,"steps":0,"fraction":0.0,"eta_seconds":null,"examples_per_second":0.0}','{}',NULL,'','iris',NULL,NULL,1795612363919663,NULL,NULL,'root',NULL,NULL);
INSERT INTO "job" VALUES(X'01A212D64CB676B1A92B62D47AB17565','iris','paused',NULL,0,0,1,512,'cpu',NULL,NULL,3,NULL,0,0,'{"epoch":0,"epochs":0,"step":0,"steps":0,"fraction":0.0,"eta_seconds":null,"examples_per_second":0.0}','{}',NULL,'','iris',NULL,NULL,1795612363958754,NULL,NULL,'root',NULL,NULL);
INSERT INTO "job" VALUES(X'01A212D64CD374C08B993FE8FBD94689','iris','cancelled',NULL,0,0,1,512,'cpu',NULL,NULL,3,NULL,0,0,'{"epoch":0,"epochs":0,"step":0,"steps":0,"fraction":0.0,"eta_seconds":null,"examples_per_second":0.0}','{}',NULL,'','iris',NULL,NULL,1795612363987449,NULL,1795612364014486,'root',NULL,NULL);
CREATE TABLE job_count (
    status TEXT    NOT NULL PRIMARY KEY,
    n      INTEGER NOT NULL CHECK (n >= 0)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_count" VALUES('cancelled',1);
INSERT INTO "job_count" VALUES('failed',0);
INSERT INTO "job_count" VALUES('paused',1);
INSERT INTO "job_count" VALUES('queued',1);
INSERT INTO "job_count" VALUES('retrying',0);
INSERT INTO "job_count" VALUES('running',1);
INSERT INTO "job_count" VALUES('succeeded',2);
CREATE TABLE job_dataset (
    job_id     BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    dataset_id INTEGER NOT NULL REFERENCES dataset (id),
    version    INTEGER NOT NULL,
    PRIMARY KEY (job_id, dataset_id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_dataset" VALUES(X'01A212D648A4768F8A83DEDEBA8E60BA',1,1);
INSERT INTO "job_dataset" VALUES(X'01A212D64C0A76DB8FBF9E4D2A9A0500',1,1);
INSERT INTO "job_dataset" VALUES(X'01A212D64C58727281DEA5DFC76CF759',1,1);
INSERT INTO "job_dataset" VALUES(X'01A212D64C8F738FB5AFF9B067063A6A',1,1);
INSERT INTO "job_dataset" VALUES(X'01A212D64CB676B1A92B62D47AB17565',1,1);
INSERT INTO "job_dataset" VALUES(X'01A212D64CD374C08B993FE8FBD94689',1,1);
CREATE TABLE job_document (
    job_id BLOB NOT NULL PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    spec   TEXT NOT NULL, -- canonical; what runs, resumes and models use
    posted TEXT NOT NULL  -- for display
) STRICT;
INSERT INTO "job_document" VALUES(X'01A212D648A4768F8A83DEDEBA8E60BA','{"name":"iris","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"adam","learning_rate":0.05,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"weight_decay":0.0,"amsgrad":false},"metrics":["accuracy"],"batch_size":16,"epochs":2,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":0,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"iris","labels":{"course":"6.S191"},"spec_version":1}','{"name": "iris", "seed": 7, "training": {"method": "supervised", "dataset": {"name": "iris", "target": "species"}, "model": {"layers": [{"type": "dense", "activation": "softmax"}]}, "loss": "categorical_cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.05}, "metrics": ["accuracy"], "batch_size": 16, "epochs": 2}, "resources": {"device": "cpu", "memory_mb": 512}, "labels": {"course": "6.S191"}}');
INSERT INTO "job_document" VALUES(X'01A212D64C0A76DB8FBF9E4D2A9A0500','{"name":"diverges","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"sgd","learning_rate":1000000.0,"momentum":0.0,"nesterov":false,"weight_decay":0.0},"metrics":["accuracy"],"batch_size":16,"epochs":2,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":0,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"diverges","labels":{},"spec_version":1}','{"name": "diverges", "seed": 7, "training": {"method": "supervised", "dataset": {"name": "iris", "target": "species"}, "model": {"layers": [{"type": "dense", "activation": "softmax"}]}, "loss": "categorical_cross_entropy", "optimizer": {"type": "sgd", "learning_rate": 1000000.0}, "metrics": ["accuracy"], "batch_size": 16, "epochs": 2}, "resources": {"device": "cpu", "memory_mb": 512}}');
INSERT INTO "job_document" VALUES(X'01A212D64C58727281DEA5DFC76CF759','{"name":"iris","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"adam","learning_rate":0.05,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"weight_decay":0.0,"amsgrad":false},"metrics":["accuracy"],"batch_size":16,"epochs":1000000,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":0,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"iris","labels":{},"spec_version":1}','{"name": "iris", "seed": 7, "training": {"method": "supervised", "dataset": {"name": "iris", "target": "species"}, "model": {"layers": [{"type": "dense", "activation": "softmax"}]}, "loss": "categorical_cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.05}, "metrics": ["accuracy"], "batch_size": 16, "epochs": 1000000}, "resources": {"device": "cpu", "memory_mb": 512}}');
INSERT INTO "job_document" VALUES(X'01A212D64C8F738FB5AFF9B067063A6A','{"name":"iris","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"adam","learning_rate":0.05,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"weight_decay":0.0,"amsgrad":false},"metrics":["accuracy"],"batch_size":16,"epochs":1,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":3,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"iris","labels":{},"spec_version":1}','{"name": "iris", "seed": 7, "training": {"method": "supervised", "dataset": {"name": "iris", "target": "species"}, "model": {"layers": [{"type": "dense", "activation": "softmax"}]}, "loss": "categorical_cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.05}, "metrics": ["accuracy"], "batch_size": 16, "epochs": 1}, "resources": {"device": "cpu", "memory_mb": 512}, "priority": 3}');
INSERT INTO "job_document" VALUES(X'01A212D64CB676B1A92B62D47AB17565','{"name":"iris","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"adam","learning_rate":0.05,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"weight_decay":0.0,"amsgrad":false},"metrics":["accuracy"],"batch_size":16,"epochs":1,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":0,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"iris","labels":{},"spec_version":1}','{"name": "iris", "seed": 7, "training": {"method": "supervised", "dataset": {"name": "iris", "target": "species"}, "model": {"layers": [{"type": "dense", "activation": "softmax"}]}, "loss": "categorical_cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.05}, "metrics": ["accuracy"], "batch_size": 16, "epochs": 1}, "resources": {"device": "cpu", "memory_mb": 512}}');
INSERT INTO "job_document" VALUES(X'01A212D64CD374C08B993FE8FBD94689','{"name":"iris","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"adam","learning_rate":0.05,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"weight_decay":0.0,"amsgrad":false},"metrics":["accuracy"],"batch_size":16,"epochs":1,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":0,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"iris","labels":{},"spec_version":1}','{"name": "iris", "seed": 7, "training": {"method": "supervised", "dataset": {"name": "iris", "target": "species"}, "model": {"layers": [{"type": "dense", "activation": "softmax"}]}, "loss": "categorical_cross_entropy", "optimizer": {"type": "adam", "learning_rate": 0.05}, "metrics": ["accuracy"], "batch_size": 16, "epochs": 1}, "resources": {"device": "cpu", "memory_mb": 512}}');
CREATE TABLE job_label (
    job_id BLOB NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    key    TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (job_id, key)
) STRICT, WITHOUT ROWID;
INSERT INTO "job_label" VALUES(X'01A212D648A4768F8A83DEDEBA8E60BA','course','6.S191');
CREATE TABLE job_parent (
    job_id  BLOB NOT NULL PRIMARY KEY REFERENCES job (id) ON DELETE CASCADE,
    model   TEXT,
    version INTEGER,
    job     BLOB,
    CHECK ((model IS NULL) = (version IS NULL))
) STRICT, WITHOUT ROWID;
INSERT INTO "job_parent" VALUES(X'01A212D64CD374C08B993FE8FBD94689','iris',1,X'01A212D648A4768F8A83DEDEBA8E60BA');
CREATE TABLE metric_block (
    series_id  INTEGER NOT NULL REFERENCES metric_series (id) ON DELETE CASCADE,
    number     INTEGER NOT NULL,
    first_step INTEGER NOT NULL, -- least and greatest
    last_step  INTEGER NOT NULL,
    n          INTEGER NOT NULL CHECK (n BETWEEN 1 AND 4096),
    min        REAL, -- of the finite values
    max        REAL,
    data       BLOB    NOT NULL, -- a version byte, then 32 bytes a point: step u64, epoch f64, time i64, value f64, little-endian
    UNIQUE (series_id, number)
) STRICT;
INSERT INTO "metric_block" VALUES(1,0,1,20,20,2.2309239208698272705e-01,1.72557628154754638671e+00,X'0101000000000000004F1BE8B4814EBB3F8039179519610600000000E0F59BFB3F02000000000000004F1BE8B4814ECB3FD97F17951961060000000040FEDDF03F03000000000000007B14AE47E17AD43F558017951961060000000000B62AF23F04000000000000004F1BE8B4814EDB3FAD801795196106000000006041CBF23F0500000000000000111111111111E13F4281179519610600000000E0B9A8E43F06000000000000007B14AE47E17AE43F9D81179519610600000000E0BE03E93F0700000000000000E5174B7EB1E4E73FEE8117951961060000000040385DE83F08000000000000004F1BE8B4814EEB3F3D82179519610600000000202FF3E33F0900000000000000B81E85EB51B8EE3F8982179519610600000000407DE6E43F0A00000000000000000000000000F03F3B831795196106000000002020E3EA3F0B00000000000000B6814E1BE8B4F13F0B8D179519610600000000E00FB2E33F0C000000000000006A039D36D069F33F758E179519610600000000209309E13F0D000000000000001F85EB51B81EF53FD18E179519610600000000E04797D73F0E00000000000000D4063A6DA0D3F63F228F17951961060000000000E615DF3F0F00000000000000888888888888F83F718F179519610600000000A0A713DD3F10000000000000003D0AD7A3703DFA3FBE8F17951961060000000060C142E03F1100000000000000F28B25BF58F2FB3F0B90179519610600000000E02D25D33F1200000000000000A80D74DA40A7FD3F579017951961060000000020A483DC3F13000000000000005C8FC2F5285CFF3F64AC179519610600000000E0D820D43F1400000000000000000000000000004007AD179519610600000000A04A8ECC3F');
INSERT INTO "metric_block" VALUES(2,0,10,20,2,4.38137794931729607217e-01,9.46150737603505431749e-01,X'010A00000000000000000000000000F03F488317951961060096FC62E9DD46EE3F1400000000000000000000000000004010AD179519610600B1E4171B730ADC3F');
INSERT INTO "metric_block" VALUES(3,0,10,20,2,5.73333333333333361458e-01,8.3333333333333337034e-01,X'010A00000000000000000000000000F03F498317951961060059F28B25BF58E23F1400000000000000000000000000004011AD179519610600ABAAAAAAAAAAEA3F');
INSERT INTO "metric_block" VALUES(4,0,10,20,2,0.05,0.05,X'010A00000000000000000000000000F03F4B831795196106009A9999999999A93F1400000000000000000000000000004012AD1795196106009A9999999999A93F');
INSERT INTO "metric_block" VALUES(5,0,10,20,2,3.29970195889472961425e-01,0.689272403717041,X'010A00000000000000000000000000F03F4B8317951961060000000000850EE63F1400000000000000000000000000004012AD179519610600000000503B1ED53F');
INSERT INTO "metric_block" VALUES(6,0,1,20,20,0.0,166102.453125,X'0101000000000000004F1BE8B4814EBB3FC944199519610600000000E0F59BFB3F02000000000000004F1BE8B4814ECB3F4345199519610600000000E0398FE84003000000000000007B14AE47E17AD43F9745199519610600000000C0EAB2014104000000000000004F1BE8B4814EDB3FE445199519610600000000C0ABCF00410500000000000000111111111111E13F4D47199519610600000000807B4CCD4006000000000000007B14AE47E17AE43FA847199519610600000000C05FB4EA400700000000000000E5174B7EB1E4E73FF6471995196106000000004066DCE84008000000000000004F1BE8B4814EEB3F4148199519610600000000805FC1FC400900000000000000B81E85EB51B8EE3F8B4819951961060000000000000000000A00000000000000000000000000F03FE84819951961060000000000000000000B00000000000000B6814E1BE8B4F13F8C4B199519610600000000C00AB0C7400C000000000000006A039D36D069F33FE54B199519610600000000A0C0A1D7400D000000000000001F85EB51B81EF53F334C1995196106000000000049CFF3400E00000000000000D4063A6DA0D3F63F854C199519610600000000A0B34604410F00000000000000888888888888F83FFD4C199519610600000000C033EFC64010000000000000003D0AD7A3703DFA3F5A4D19951961060000000000000000001100000000000000F28B25BF58F2FB3FA44D1995196106000000008002C7E5401200000000000000A80D74DA40A7FD3FEC4D19951961060000000080F2F9E84013000000000000005C8FC2F5285CFF3F354E1995196106000000000000000000140000000000000000000000000000408B4E1995196106000000000000000000');
INSERT INTO "metric_block" VALUES(7,0,10,20,2,4.17135114583333343031e+04,6.09488498948033666224e+04,X'010A00000000000000000000000000F03FEF48199519610600309656329BC2ED4014000000000000000000000000000040904E199519610600DEDDDD5D305EE440');
INSERT INTO "metric_block" VALUES(8,0,10,20,2,0.8,8.66666666666666696272e-01,X'010A00000000000000000000000000F03FF1481995196106009A9999999999E93F14000000000000000000000000000040914E199519610600BCBBBBBBBBBBEB3F');
INSERT INTO "metric_block" VALUES(9,0,10,20,2,1000000.0,1000000.0,X'010A00000000000000000000000000F03FF2481995196106000000000080842E4114000000000000000000000000000040914E1995196106000000000080842E41');
INSERT INTO "metric_block" VALUES(10,0,10,20,2,2.77381138503551505358e-01,3.47635485231876373291e-01,X'010A00000000000000000000000000F03FF248199519610600000000E8A83FD63F14000000000000000000000000000040914E1995196106009A9999D19CC0D13F');
INSERT INTO "metric_block" VALUES(11,0,10,490,49,0.0712576711177826,9.46150737603505431749e-01,X'010A00000000000000000000000000F03F9A4D1A951961060096FC62E9DD46EE3F1400000000000000000000000000004084521A9519610600B1E4171B730ADC3F1E00000000000000000000000000084095551A9519610600111111A16F88D43F28000000000000000000000000001040A5581A9519610600C3F528FCD915D23F32000000000000000000000000001440AB5B1A9519610600B5814EDBD53ED03F3C000000000000000000000000001840F85E1A95196106001F85EB31EFFACD3F46000000000000000000000000001C4087621A9519610600A5703D3A8227CB3F500000000000000000000000000020403F661A9519610600C3F5281C4353C93F5A000000000000000000000000002240D4691A95196106005B8FC25573D3C73F64000000000000000000000000002440F06C1A9519610600602CF985AE9EC63F6E00000000000000000000000000264090711A9519610600602CF90532E8C43F7800000000000000000000000000284097741A9519610600D7A370DD8C42C43F82000000000000000000000000002A40DD771A9519610600602CF96D7E29C33F8C000000000000000000000000002C40117B1A9519610600D069035D8670C23F96000000000000000000000000002E40597E1A9519610600BF58F27B3489C13FA0000000000000000000000000003040C2811A9519610600ABAAAAFA9C08C13FAA000000000000000000000000003140FD841A9519610600DA40A775CC48C03FB400000000000000000000000000324087881A9519610600000000408B93BF3FBE000000000000000000000000003340A08B1A95196106003D0AD7A33739BE3FC80000000000000000000000000034403C901A9519610600E7B481CE39B9BD3FD200000000000000000000000000354020941A9519610600184B7ED1F9C4BC3FDC00000000000000000000000000364028971A95196106000E74DAE09EB8BB3FE60000000000000000000000000037402A9A1A9519610600E8B4812EB854BB3FF00000000000000000000000000038403A9D1A95196106007EB1E457CE5ABA3FFA00000000000000000000000000394092A01A9519610600D7A370FD20D2B93F04010000000000000000000000003A4092A31A95196106007B14AE072D50B93F0E010000000000000000000000003B4093A61A951961060059F28B653E34B93F18010000000000000000000000003C408DA91A9519610600295C8F822F03B93F22010000000000000000000000003D40E4AC1A95196106006CA0D3C68CAAB73F2C010000000000000000000000003E4042B11A9519610600ABAAAAC24A2CB73F36010000000000000000000000003F4057B61A9519610600C058F21B2BD9B73F4001000000000000000000000000404065B91A951961060052B81E85E450B63F4A0100000000000000000000008040406EBC1A9519610600DA40A74DA730B63F5401000000000000000000000000414022C11A951961060077777757F39CB53F5E010000000000000000000000804140ACC51A9519610600333333B3B480B53F68010000000000000000000000004240B2C81A9519610600C3F528AC492BB53F72010000000000000000000000804240C0CB1A95196106008FC2F58819F9B43F7C01000000000000000000000000434087CF1A9519610600935F2C391F54B43F860100000000000000000000008043408BD21A9519610600898888AE08E0B33F90010000000000000000000000004440DED51A95196106002CF9C5F2FA07B53F9A010000000000000000000000804440E4D81A95196106008C25BF086180B33FA4010000000000000000000000004540F1DB1A951961060096FC62C99815B43FAE010000000000000000000000804540ABE01A95196106002CF9C592C417B33FB8010000000000000000000000004640C6E61A9519610600A0D3069ADFF8B23FC2010000000000000000000000804640F9EF1A95196106000AD7A3B0C498B23FCC01000000000000000000000000474062F71A951961060059F28B4D4D9FB23FD6010000000000000000000000804740C8FF1A95196106009D36D0017BCEB23FE001000000000000000000000000484027061B9519610600713D0A57F13DB23FEA0100000000000000000000008048403A0D1B9519610600F28B25B72951B23F');
INSERT INTO "metric_block" VALUES(12,0,10,490,49,5.73333333333333361458e-01,0.98,X'010A00000000000000000000000000F03F9B4D1A951961060059F28B25BF58E23F1400000000000000000000000000004085521A9519610600ABAAAAAAAAAAEA3F1E00000000000000000000000000084096551A9519610600F28B25BF58F2EB3F28000000000000000000000000001040A6581A9519610600602CF9C5925FEC3F32000000000000000000000000001440AC5B1A9519610600396DA0D3063AED3F3C000000000000000000000000001840FA5E1A9519610600A70D74DA40A7ED3F46000000000000000000000000001C4088621A951961060014AE47E17A14EE3F500000000000000000000000000020403F661A95196106004C7EB1E4174BEE3F5A000000000000000000000000002240D4691A9519610600B81E85EB51B8EE3F64000000000000000000000000002440F26C1A9519610600B81E85EB51B8EE3F6E00000000000000000000000000264090711A9519610600B81E85EB51B8EE3F7800000000000000000000000000284097741A9519610600B81E85EB51B8EE3F82000000000000000000000000002A40DD771A9519610600F0EEEEEEEEEEEE3F8C000000000000000000000000002C40127B1A9519610600B81E85EB51B8EE3F96000000000000000000000000002E405A7E1A9519610600B81E85EB51B8EE3FA0000000000000000000000000003040C3811A9519610600F0EEEEEEEEEEEE3FAA000000000000000000000000003140FD841A9519610600B81E85EB51B8EE3FB400000000000000000000000000324093881A9519610600F0EEEEEEEEEEEE3FBE000000000000000000000000003340A18B1A9519610600F0EEEEEEEEEEEE3FC80000000000000000000000000034403D901A9519610600F0EEEEEEEEEEEE3FD200000000000000000000000000354020941A9519610600F0EEEEEEEEEEEE3FDC00000000000000000000000000364029971A9519610600F0EEEEEEEEEEEE3FE60000000000000000000000000037402A9A1A9519610600F0EEEEEEEEEEEE3FF00000000000000000000000000038403A9D1A9519610600F0EEEEEEEEEEEE3FFA00000000000000000000000000394092A01A9519610600F0EEEEEEEEEEEE3F04010000000000000000000000003A4093A31A9519610600F0EEEEEEEEEEEE3F0E010000000000000000000000003B4093A61A9519610600B81E85EB51B8EE3F18010000000000000000000000003C408EA91A9519610600F0EEEEEEEEEEEE3F22010000000000000000000000003D40E5AC1A9519610600F0EEEEEEEEEEEE3F2C010000000000000000000000003E4042B11A951961060026BF58F28B25EF3F36010000000000000000000000003F4057B61A9519610600F0EEEEEEEEEEEE3F4001000000000000000000000000404066B91A951961060026BF58F28B25EF3F4A0100000000000000000000008040406FBC1A9519610600B81E85EB51B8EE3F5401000000000000000000000000414023C11A951961060026BF58F28B25EF3F5E010000000000000000000000804140ADC51A9519610600F0EEEEEEEEEEEE3F68010000000000000000000000004240B3C81A9519610600F0EEEEEEEEEEEE3F72010000000000000000000000804240C1CB1A951961060026BF58F28B25EF3F7C01000000000000000000000000434087CF1A951961060026BF58F28B25EF3F860100000000000000000000008043408BD21A951961060026BF58F28B25EF3F90010000000000000000000000004440DED51A951961060026BF58F28B25EF3F9A010000000000000000000000804440E4D81A951961060026BF58F28B25EF3FA4010000000000000000000000004540F2DB1A9519610600F0EEEEEEEEEEEE3FAE010000000000000000000000804540AEE01A951961060026BF58F28B25EF3FB8010000000000000000000000004640C7E61A951961060026BF58F28B25EF3FC2010000000000000000000000804640FAEF1A951961060026BF58F28B25EF3FCC01000000000000000000000000474063F71A951961060026BF58F28B25EF3FD6010000000000000000000000804740C9FF1A9519610600F0EEEEEEEEEEEE3FE001000000000000000000000000484028061B951961060026BF58F28B25EF3FEA0100000000000000000000008048403B0D1B95196106005C8FC2F5285CEF3F');
INSERT INTO "metric_block" VALUES(13,0,10,490,49,0.05,0.05,X'010A00000000000000000000000000F03F9D4D1A95196106009A9999999999A93F1400000000000000000000000000004085521A95196106009A9999999999A93F1E00000000000000000000000000084096551A95196106009A9999999999A93F28000000000000000000000000001040A6581A95196106009A9999999999A93F32000000000000000000000000001440AC5B1A95196106009A9999999999A93F3C000000000000000000000000001840FA5E1A95196106009A9999999999A93F46000000000000000000000000001C4088621A95196106009A9999999999A93F500000000000000000000000000020403F661A95196106009A9999999999A93F5A000000000000000000000000002240D4691A95196106009A9999999999A93F64000000000000000000000000002440F26C1A95196106009A9999999999A93F6E00000000000000000000000000264090711A95196106009A9999999999A93F7800000000000000000000000000284097741A95196106009A9999999999A93F82000000000000000000000000002A40DE771A95196106009A9999999999A93F8C000000000000000000000000002C40127B1A95196106009A9999999999A93F96000000000000000000000000002E405A7E1A95196106009A9999999999A93FA0000000000000000000000000003040C3811A95196106009A9999999999A93FAA000000000000000000000000003140FE841A95196106009A9999999999A93FB400000000000000000000000000324093881A95196106009A9999999999A93FBE000000000000000000000000003340A18B1A95196106009A9999999999A93FC80000000000000000000000000034403D901A95196106009A9999999999A93FD200000000000000000000000000354020941A95196106009A9999999999A93FDC00000000000000000000000000364029971A95196106009A9999999999A93FE60000000000000000000000000037402A9A1A95196106009A9999999999A93FF00000000000000000000000000038403A9D1A95196106009A9999999999A93FFA00000000000000000000000000394092A01A95196106009A9999999999A93F04010000000000000000000000003A4093A31A95196106009A9999999999A93F0E010000000000000000000000003B4093A61A95196106009A9999999999A93F18010000000000000000000000003C408EA91A95196106009A9999999999A93F22010000000000000000000000003D40E5AC1A95196106009A9999999999A93F2C010000000000000000000000003E4042B11A95196106009A9999999999A93F36010000000000000000000000003F4057B61A95196106009A9999999999A93F4001000000000000000000000000404066B91A95196106009A9999999999A93F4A0100000000000000000000008040406FBC1A95196106009A9999999999A93F5401000000000000000000000000414023C11A95196106009A9999999999A93F5E010000000000000000000000804140ADC51A95196106009A9999999999A93F68010000000000000000000000004240B3C81A95196106009A9999999999A93F72010000000000000000000000804240C1CB1A95196106009A9999999999A93F7C01000000000000000000000000434087CF1A95196106009A9999999999A93F860100000000000000000000008043408BD21A95196106009A9999999999A93F90010000000000000000000000004440DED51A95196106009A9999999999A93F9A010000000000000000000000804440E4D81A95196106009A9999999999A93FA4010000000000000000000000004540F2DB1A95196106009A9999999999A93FAE010000000000000000000000804540AEE01A95196106009A9999999999A93FB8010000000000000000000000004640C7E61A95196106009A9999999999A93FC2010000000000000000000000804640FAEF1A95196106009A9999999999A93FCC01000000000000000000000000474063F71A95196106009A9999999999A93FD6010000000000000000000000804740C9FF1A95196106009A9999999999A93FE001000000000000000000000000484028061B95196106009A9999999999A93FEA0100000000000000000000008048403B0D1B95196106009A9999999999A93F');
INSERT INTO "metric_block" VALUES(14,0,10,490,49,5.37664874456822913795e-02,0.689272403717041,X'010A00000000000000000000000000F03F9D4D1A951961060000000000850EE63F1400000000000000000000000000004085521A9519610600000000503B1ED53F1E00000000000000000000000000084097551A9519610600999999C9B120CE3F28000000000000000000000000001040A6581A951961060065666696E892CA3F32000000000000000000000000001440AC5B1A9519610600333333F3078FC33F3C000000000000000000000000001840FB5E1A9519610600333333A39F63C43F46000000000000000000000000001C4088621A951961060000000048E376C23F500000000000000000000000000020403F661A951961060067666676488EBF3F5A000000000000000000000000002240D4691A95196106003333338B1FA6C03F64000000000000000000000000002440F26C1A95196106003333335F3E8AC43F6E00000000000000000000000000264091711A9519610600000000389962BD3F7800000000000000000000000000284097741A95196106000000004CCE1FC03F82000000000000000000000000002A40DE771A9519610600323333D3055EB73F8C000000000000000000000000002C40127B1A95196106006566661682F4BA3F96000000000000000000000000002E405A7E1A95196106003333330BDB92BC3FA0000000000000000000000000003040C3811A9519610600666666CA5F52B63FAA000000000000000000000000003140FE841A9519610600CDCCCC3CD760B73FB400000000000000000000000000324093881A95196106009B99997923BEC03FBE000000000000000000000000003340A18B1A9519610600CCCCCC445EDEBC3FC80000000000000000000000000034403D901A9519610600CCCCCC903B7DB73FD200000000000000000000000000354020941A95196106006666666EA9BFBA3FDC00000000000000000000000000364029971A9519610600CDCCCC14D708B53FE60000000000000000000000000037402B9A1A95196106003333335B1FA2B53FF00000000000000000000000000038403A9D1A951961060033333393F5DBB43FFA00000000000000000000000000394092A01A95196106003333339703EBB13F04010000000000000000000000003A4093A31A95196106003333336FD4ACBA3F0E010000000000000000000000003B4094A61A95196106009A999909B438B93F18010000000000000000000000003C408EA91A9519610600CCCCCCB4312CBC3F22010000000000000000000000003D40E5AC1A9519610600CCCCCC9C4E62B93F2C010000000000000000000000003E4042B11A9519610600CDCCCC7045A7B13F36010000000000000000000000003F4058B61A951961060099999911F373BA3F4001000000000000000000000000404066B91A9519610600000000944206B53F4A0100000000000000000000008040406FBC1A951961060033333343F29ABA3F5401000000000000000000000000414023C11A951961060000000098840DAE3F5E010000000000000000000000804140ADC51A9519610600999999E57912B93F68010000000000000000000000004240B3C81A9519610600000000AE64FAB43F72010000000000000000000000804240C1CB1A95196106009B9999491302BC3F7C01000000000000000000000000434087CF1A95196106009A9999619DE6B33F860100000000000000000000008043408BD21A9519610600333333CF0981B03F90010000000000000000000000004440DED51A951961060000000088FE2CBC3F9A010000000000000000000000804440E5D81A951961060033333307F265B03FA4010000000000000000000000004540F2DB1A95196106006666665A2070B43FAE010000000000000000000000804540AEE01A951961060000000014BC54B23FB8010000000000000000000000004640C7E61A951961060000000048C362B83FC2010000000000000000000000804640FAEF1A95196106009A9999B5E991B33FCC01000000000000000000000000474063F71A9519610600000000883825B03FD6010000000000000000000000804740C9FF1A9519610600CDCCCC121903B73FE001000000000000000000000000484028061B95196106003333333311D8B33FEA0100000000000000000000008048403B0D1B9519610600676666F24787AB3F');
CREATE TABLE metric_series (
    id     INTEGER NOT NULL PRIMARY KEY,
    run_id BLOB    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    name   TEXT    NOT NULL
) STRICT;
INSERT INTO "metric_series" VALUES(1,X'01A212D648AE73268500F8EB6FED01B4','step_loss');
INSERT INTO "metric_series" VALUES(2,X'01A212D648AE73268500F8EB6FED01B4','loss');
INSERT INTO "metric_series" VALUES(3,X'01A212D648AE73268500F8EB6FED01B4','accuracy');
INSERT INTO "metric_series" VALUES(4,X'01A212D648AE73268500F8EB6FED01B4','learning_rate');
INSERT INTO "metric_series" VALUES(5,X'01A212D648AE73268500F8EB6FED01B4','gradient_norm');
INSERT INTO "metric_series" VALUES(6,X'01A212D64C1775DA9E73B6BE748C4D5F','step_loss');
INSERT INTO "metric_series" VALUES(7,X'01A212D64C1775DA9E73B6BE748C4D5F','loss');
INSERT INTO "metric_series" VALUES(8,X'01A212D64C1775DA9E73B6BE748C4D5F','accuracy');
INSERT INTO "metric_series" VALUES(9,X'01A212D64C1775DA9E73B6BE748C4D5F','learning_rate');
INSERT INTO "metric_series" VALUES(10,X'01A212D64C1775DA9E73B6BE748C4D5F','gradient_norm');
INSERT INTO "metric_series" VALUES(11,X'01A212D64C5A74ED846516A9BA4EF045','loss');
INSERT INTO "metric_series" VALUES(12,X'01A212D64C5A74ED846516A9BA4EF045','accuracy');
INSERT INTO "metric_series" VALUES(13,X'01A212D64C5A74ED846516A9BA4EF045','learning_rate');
INSERT INTO "metric_series" VALUES(14,X'01A212D64C5A74ED846516A9BA4EF045','gradient_norm');
CREATE TABLE model (
    id           INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name         TEXT    NOT NULL UNIQUE,
    last_version INTEGER NOT NULL, -- numbers are never given twice
    created_at   INTEGER NOT NULL
) STRICT;
INSERT INTO "model" VALUES(1,'iris',1,1795612363742962);
INSERT INTO "model" VALUES(2,'diverges',1,1795612363851978);
CREATE TABLE model_alias (
    model_id   INTEGER NOT NULL,
    alias      TEXT    NOT NULL CHECK (alias <> 'latest'),
    version    INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    PRIMARY KEY (model_id, alias),
    FOREIGN KEY (model_id, version) REFERENCES model_version (model_id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO "model_alias" VALUES(1,'best',1,1795612363768073);
CREATE TABLE model_version (
    model_id   INTEGER NOT NULL REFERENCES model (id),
    version    INTEGER NOT NULL CHECK (version > 0),
    job_id     BLOB    NOT NULL,
    run_id     BLOB    NOT NULL,
    output     TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    sha256     TEXT    NOT NULL,
    bytes      INTEGER NOT NULL,
    metrics    TEXT    NOT NULL,
    spec       TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (model_id, version)
) STRICT, WITHOUT ROWID;
INSERT INTO "model_version" VALUES(1,1,X'01A212D648A4768F8A83DEDEBA8E60BA',X'01A212D648AE73268500F8EB6FED01B4','','models/01a212d6-48a4-768f-8a83-dedeba8e60ba/1/model','e515659ac9695c7624b6010be34006a26bfc9bb348fe3014c4ba7a551b585185',204,'{"accuracy":0.8333333333333334,"gradient_norm":0.32997019588947296,"learning_rate":0.05,"loss":0.4381377949317296}','{"name":"iris","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"adam","learning_rate":0.05,"beta_1":0.9,"beta_2":0.999,"epsilon":1e-8,"weight_decay":0.0,"amsgrad":false},"metrics":["accuracy"],"batch_size":16,"epochs":2,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":0,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"iris","labels":{"course":"6.S191"},"spec_version":1}',1795612363742962);
INSERT INTO "model_version" VALUES(2,1,X'01A212D64C0A76DB8FBF9E4D2A9A0500',X'01A212D64C1775DA9E73B6BE748C4D5F','','models/01a212d6-4c0a-76db-8fbf-9e4d2a9a0500/1/model','d7e5302357290fe0c0d8b9318510f089c8e03acb5352c9e4993dd7429429e624',204,'{"accuracy":0.8666666666666667,"gradient_norm":0.2773811385035515,"learning_rate":1000000.0,"loss":41713.511458333334}','{"name":"diverges","training":{"method":"supervised","dataset":{"name":"iris","version":1,"split":"all","input":["sepal_length_cm","sepal_width_cm","petal_length_cm","petal_width_cm"],"target":"species","validation":null,"test":null,"transforms":"auto","target_transform":null},"model":{"layers":[{"name":"dense","type":"dense","units":3,"activation":"softmax","use_bias":true,"kernel_initializer":"glorot_uniform","bias_initializer":"zeros"}]},"loss":"categorical_cross_entropy","loss_weights":null,"optimizer":{"type":"sgd","learning_rate":1000000.0,"momentum":0.0,"nesterov":false,"weight_decay":0.0},"metrics":["accuracy"],"batch_size":16,"epochs":2,"early_stopping":null,"gradient_clipping":null},"seed":7,"resources":{"device":"cpu","threads":1,"memory_mb":512},"priority":0,"max_attempts":3,"timeout_seconds":null,"checkpoint":{"every_epochs":1,"every_seconds":null,"keep":2},"report":{"every_steps":null},"model_name":"diverges","labels":{},"spec_version":1}',1795612363851978);
CREATE TABLE pending_model (
    run_id  BLOB    NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    output  TEXT    NOT NULL,
    key     TEXT    NOT NULL,
    sha256  TEXT    NOT NULL,
    bytes   INTEGER NOT NULL,
    metrics TEXT    NOT NULL,
    PRIMARY KEY (run_id, output)
) STRICT, WITHOUT ROWID;
CREATE TABLE queue_depth (
    priority INTEGER NOT NULL PRIMARY KEY,
    n        INTEGER NOT NULL CHECK (n >= 0)
) STRICT;
INSERT INTO "queue_depth" VALUES(3,1);
CREATE TABLE run (
    id          BLOB    NOT NULL PRIMARY KEY CHECK (length(id) = 16),
    job_id      BLOB    NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    attempt     INTEGER NOT NULL CHECK (attempt > 0),
    status      TEXT    NOT NULL CHECK (status IN ('starting', 'running', 'succeeded', 'failed', 'cancelled', 'stopped', 'lost')),
    pid         INTEGER,
    start_time  INTEGER, -- of the process, in clock ticks since boot
    boot_id     TEXT,
    token_hash  BLOB,
    last_seq    INTEGER NOT NULL,
    from_step   INTEGER,
    device      TEXT    NOT NULL,
    threads     INTEGER,
    fingerprint TEXT,
    last_step   INTEGER NOT NULL,
    error       TEXT,
    claimed_at  INTEGER NOT NULL,
    started_at  INTEGER,
    finished_at INTEGER,
    heard_at    INTEGER NOT NULL,
    CHECK ((pid IS NULL) = (start_time IS NULL) AND (pid IS NULL) = (boot_id IS NULL)),
    CHECK ((finished_at IS NULL) = (status IN ('starting', 'running')))
) STRICT;
INSERT INTO "run" VALUES(X'01A212D648AE73268500F8EB6FED01B4',X'01A212D648A4768F8A83DEDEBA8E60BA',1,'succeeded',19980,1955258,'6df9d0ef-81a7-4edb-b118-3f96cce15862',NULL,4,0,'cpu',1,'{"build":"0.1.0","libtorch":"2.11.0","cpu":"AVX512","threads":1,"device":"cpu"}',20,NULL,1795612362926672,1795612363629371,1795612363742302,1795612363742962);
INSERT INTO "run" VALUES(X'01A212D64C1775DA9E73B6BE748C4D5F',X'01A212D64C0A76DB8FBF9E4D2A9A0500',1,'succeeded',19980,1955258,'6df9d0ef-81a7-4edb-b118-3f96cce15862',NULL,4,0,'cpu',1,'{"build":"0.1.0","libtorch":"2.11.0","cpu":"AVX512","threads":1,"device":"cpu"}',20,NULL,1795612363799158,1795612363802369,1795612363851944,1795612363851978);
INSERT INTO "run" VALUES(X'01A212D64C5A74ED846516A9BA4EF045',X'01A212D64C58727281DEA5DFC76CF759',1,'running',19980,1955258,'6df9d0ef-81a7-4edb-b118-3f96cce15862',X'167BA1D4853F2DCB2461022C247C17E215B0CA36D5B50DBA48A34F981E7987FB',2,0,'cpu',1,'{"build":"0.1.0","libtorch":"2.11.0","cpu":"AVX512","threads":1,"device":"cpu"}',1,NULL,1795612363865912,1795612363910440,NULL,1795612363939708);
CREATE TABLE session (
    hash       BLOB    NOT NULL PRIMARY KEY CHECK (length(hash) = 32),
    key        INTEGER NOT NULL REFERENCES api_key (id) ON DELETE CASCADE,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO "session" VALUES(X'1DE76B892E78585BB842E484F76B39E290A188863F7EC57164B981405B3984B4',1,1795612361758906,1795655561758851);
CREATE UNIQUE INDEX dataset_version_content ON dataset_version (dataset_id, digest);
CREATE INDEX dataset_version_key ON dataset_version (key);
CREATE INDEX job_queue ON job (priority DESC, id) WHERE status IN ('queued', 'retrying');
CREATE INDEX job_retry ON job (not_before) WHERE status IN ('queued', 'retrying') AND not_before > 0;
CREATE INDEX job_status ON job (status, id);
CREATE INDEX job_model ON job (model_name, id);
CREATE TRIGGER job_waits AFTER INSERT ON job WHEN NEW.status IN ('queued', 'retrying') BEGIN
    INSERT INTO queue_depth (priority, n) VALUES (NEW.priority, 1) ON CONFLICT (priority) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER job_leaves AFTER UPDATE OF status, priority ON job WHEN OLD.status IN ('queued', 'retrying') BEGIN
    UPDATE queue_depth SET n = n - 1 WHERE priority = OLD.priority;
END;
CREATE TRIGGER job_comes AFTER UPDATE OF status, priority ON job WHEN NEW.status IN ('queued', 'retrying') BEGIN
    INSERT INTO queue_depth (priority, n) VALUES (NEW.priority, 1) ON CONFLICT (priority) DO UPDATE SET n = n + 1;
END;
CREATE TRIGGER job_deleted AFTER DELETE ON job WHEN OLD.status IN ('queued', 'retrying') BEGIN
    UPDATE queue_depth SET n = n - 1 WHERE priority = OLD.priority;
END;
CREATE INDEX job_label_value ON job_label (key, value, job_id);
CREATE INDEX job_dataset_use ON job_dataset (dataset_id, version, job_id);
CREATE UNIQUE INDEX run_attempt ON run (job_id, attempt);
CREATE INDEX run_open ON run (status) WHERE status IN ('starting', 'running');
CREATE INDEX event_job ON event (job_id, id);
CREATE UNIQUE INDEX metric_series_name ON metric_series (run_id, name);
CREATE UNIQUE INDEX model_version_run ON model_version (run_id, output);
CREATE INDEX model_alias_version ON model_alias (model_id, version);
CREATE INDEX idempotency_age ON idempotency (created_at);
CREATE UNIQUE INDEX api_key_name ON api_key (name) WHERE revoked_at IS NULL;
CREATE INDEX session_key ON session (key, created_at);
CREATE INDEX job_poster ON job (poster) WHERE poster IS NOT NULL AND finished_at IS NULL;
CREATE TRIGGER job_counted AFTER INSERT ON job BEGIN
    UPDATE job_count SET n = n + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER job_counted_anew AFTER UPDATE OF status ON job WHEN OLD.status <> NEW.status BEGIN
    UPDATE job_count SET n = n - 1 WHERE status = OLD.status;
    UPDATE job_count SET n = n + 1 WHERE status = NEW.status;
END;
CREATE TRIGGER job_uncounted AFTER DELETE ON job BEGIN
    UPDATE job_count SET n = n - 1 WHERE status = OLD.status;
END;
CREATE INDEX job_parent_model ON job_parent (model, version) WHERE model IS NOT NULL;
CREATE INDEX job_parent_job ON job_parent (job) WHERE job IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('dataset',1);
INSERT INTO "sqlite_sequence" VALUES('model',2);
INSERT INTO "sqlite_sequence" VALUES('api_key',2);
INSERT INTO "sqlite_sequence" VALUES('event',31);
COMMIT;
