//! Figures that are kept: a table, a picture and the raw numbers in `bench/results`, and what became worse since they
//! were committed last.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use time::OffsetDateTime;

use crate::plot;
use crate::table::Figures;

/// Which way a figure is good.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Less,
    More,
}

/// What a figure measures.
#[derive(Clone, Copy)]
pub(crate) struct Measure {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) places: usize,
    pub(crate) better: Better,
    /// Whether it is the quotient of two that were taken in turns, which says something on any machine.
    pub(crate) relative: bool,
}

impl Measure {
    fn title(&self) -> String {
        if self.unit.is_empty() { self.name.to_owned() } else { format!("{} ({})", self.name, self.unit) }
    }

    fn shown(&self, values: &[f64]) -> String {
        shown(values, self.places)
    }
}

/// The median, with the least and the greatest where there are several.
fn shown(values: &[f64], places: usize) -> String {
    let figures = Figures::new(values.to_vec());
    let (median, (least, greatest)) = (figures.median(), figures.ends());
    if values.len() == 1 {
        return format!("{median:.places$}");
    }
    format!("{median:.places$} ({least:.places$} to {greatest:.places$})")
}

/// What one program was measured to do.
pub(crate) struct Row {
    pub(crate) program: String,
    pub(crate) figures: Vec<(Measure, Vec<f64>)>,
}

/// Programs that do the same. The first is Lyceum.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) rows: Vec<Row>,
}

impl Group {
    pub(crate) fn new(name: &str) -> Self {
        Self { name: name.to_owned(), rows: Vec::new() }
    }

    /// One more round of a program.
    pub(crate) fn add(&mut self, program: &str, measure: Measure, value: f64) {
        let at = self.rows.iter().position(|row| row.program == program).unwrap_or_else(|| {
            self.rows.push(Row { program: program.to_owned(), figures: Vec::new() });
            self.rows.len() - 1
        });
        let figures = &mut self.rows[at].figures;
        match figures.iter_mut().find(|(one, _)| one.name == measure.name) {
            Some((_, values)) => values.push(value),
            None => figures.push((measure, vec![value])),
        }
    }

    /// What is measured of any of them, in the order in which it came up.
    fn measures(&self) -> Vec<Measure> {
        let mut measures: Vec<Measure> = Vec::new();
        for (measure, _) in self.rows.iter().flat_map(|row| &row.figures) {
            if !measures.iter().any(|one| one.name == measure.name) {
                measures.push(*measure);
            }
        }
        measures
    }

    fn table(&self) -> String {
        let measures = self.measures();
        let mut text = format!("## {}\n| |", self.name);
        for measure in &measures {
            let _ = write!(text, " {} |", measure.title());
        }
        text.push_str("\n|---|");
        text.push_str(&"---|".repeat(measures.len()));
        for row in &self.rows {
            let _ = write!(text, "\n| {} |", row.program);
            for measure in &measures {
                let values = row.figures.iter().find(|(one, _)| one.name == measure.name);
                let _ = write!(
                    text,
                    " {} |",
                    values.map_or_else(|| "–".to_owned(), |(_, values)| measure.shown(values))
                );
            }
        }
        text.push('\n');
        text
    }
}

/// What something costs, or brings, by its size.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) size: &'static str,
    pub(crate) cost: &'static str,
    pub(crate) places: usize,
    pub(crate) better: Better,
    /// Sizes, and the costs of the rounds at each.
    pub(crate) points: Vec<(f64, Vec<f64>)>,
}

impl Curve {
    pub(crate) fn new(name: &'static str, size: &'static str, cost: &'static str, places: usize) -> Self {
        Self { name, size, cost, places, better: Better::Less, points: Vec::new() }
    }

    /// What is got of something by its size, such as answers in a second.
    pub(crate) fn of_rates(name: &'static str, size: &'static str, rate: &'static str) -> Self {
        Self { better: Better::More, ..Self::new(name, size, rate, 0) }
    }

    /// One more round at a size; sizes come from the least to the greatest.
    pub(crate) fn add(&mut self, size: f64, cost: f64) {
        match self.points.iter_mut().find(|(one, _)| *one == size) {
            Some((_, costs)) => costs.push(cost),
            None => self.points.push((size, vec![cost])),
        }
    }

    fn table(&self) -> String {
        let mut text = format!("## {}\n| {} | {} |\n|---|---|\n", self.name, self.size, self.cost);
        for (size, costs) in &self.points {
            let _ = writeln!(text, "| {size} | {} |", shown(costs, self.places));
        }
        text
    }
}

/// What is kept of a measurement.
pub(crate) struct Results {
    /// Of its files.
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    /// How it was measured, in a sentence or some.
    pub(crate) how: &'static str,
    /// Of the programs, by name.
    pub(crate) versions: BTreeMap<String, String>,
    pub(crate) groups: Vec<Group>,
    pub(crate) curves: Vec<Curve>,
    /// How many processes were at work or waited for a core when it began.
    load: f64,
}

impl Results {
    pub(crate) fn new(name: &'static str, title: &'static str, how: &'static str) -> Self {
        let versions = BTreeMap::from([
            ("Lyceum".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
            ("libtorch".to_owned(), "2.11.0".to_owned()),
        ]);
        Self { name, title, how, versions, groups: Vec::new(), curves: Vec::new(), load: load() }
    }

    /// Writes what there is, and says what became worse.
    pub(crate) fn end(&self) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/results");
        fs::create_dir_all(&folder).expect("a folder");
        let raw = self.raw();
        let before = committed(self.name);
        let worse = before.as_ref().map_or_else(Vec::new, |before| self.worse(before));
        let file = |ending: &str| -> PathBuf { folder.join(format!("{}.{ending}", self.name)) };
        let text = self.text(&raw);
        fs::write(file("json"), serde_json::to_string_pretty(&raw).expect("JSON") + "\n").expect("a file");
        fs::write(file("svg"), plot::picture(&self.groups, &self.curves)).expect("a file");
        fs::write(file("md"), &text).expect("a file");
        println!("{text}");
        match before {
            None => println!("There is no committed result to compare with."),
            Some(_) if worse.is_empty() => println!("Nothing fell against the committed result."),
            Some(_) => println!("Fell by more than its spread:\n{}", worse.join("\n")),
        }
    }

    fn raw(&self) -> Value {
        let figures = |row: &Row| -> serde_json::Map<String, Value> {
            let figures = row.figures.iter().map(|(measure, values)| (measure.title(), json!(values)));
            figures.collect()
        };
        let rows = |group: &Group| -> Vec<Value> {
            let rows = group.rows.iter().map(|row| json!({"program": row.program, "figures": figures(row)}));
            rows.collect()
        };
        let groups: Vec<Value> =
            self.groups.iter().map(|group| json!({"name": group.name, "rows": rows(group)})).collect();
        let curves = self.curves.iter().map(|curve| {
            json!({"name": curve.name, "size": curve.size, "cost": curve.cost, "points": curve.points})
        });
        let curves: Vec<Value> = curves.collect();
        json!({"machine": machine(), "load": [self.load, load()], "versions": self.versions, "commit": commit(),
            "date": today(), "groups": groups, "curves": curves})
    }

    fn text(&self, raw: &Value) -> String {
        let versions: Vec<String> =
            self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let said = |name: &str| raw[name].as_str().unwrap_or_default().to_owned();
        let mut text = format!(
            "# {}\n{}\n\nMedians of interleaved rounds, with the least and the greatest. {}, whose load was {} when it began and {} \
             when it ended; {}; commit {}, {}.\n\n\
             ![The same as a picture]({}.svg)\n",
            self.title,
            self.how,
            said("machine"),
            raw["load"][0],
            raw["load"][1],
            versions.join(", "),
            said("commit"),
            said("date"),
            self.name
        );
        for group in &self.groups {
            text.push('\n');
            text.push_str(&group.table());
        }
        for curve in &self.curves {
            text.push('\n');
            text.push_str(&curve.table());
        }
        text
    }

    /// What became worse by more than its spread: quotients, and on the same machine Lyceum's own figures.
    fn worse(&self, before: &Value) -> Vec<String> {
        let same = before["machine"] == json!(machine());
        let mut worse = Vec::new();
        for group in &self.groups {
            for (index, row) in group.rows.iter().enumerate() {
                for (measure, values) in &row.figures {
                    let counts = measure.relative || (same && index == 0);
                    let old = counts.then(|| kept(before, &group.name, &row.program, &measure.title()));
                    let Some(old) = old.flatten() else { continue };
                    if fell(measure.better, &old, values) {
                        let (old, new) = (measure.shown(&old), measure.shown(values));
                        worse.push(format!(
                            "  {}, {}, {}: {old} became {new}",
                            group.name,
                            row.program,
                            measure.title()
                        ));
                    }
                }
            }
        }
        let curves = self.curves.iter().filter(|_| same);
        worse.extend(curves.flat_map(|curve| fallen(curve, before)));
        worse
    }
}

/// The sizes at which a curve is worse than it was kept, by more than its spread.
fn fallen(curve: &Curve, before: &Value) -> Vec<String> {
    let kept = |size: f64| -> Option<Vec<f64>> {
        let kept = before["curves"].as_array()?.iter().find(|one| one["name"] == curve.name)?;
        let point = kept["points"].as_array()?.iter().find(|point| point[0] == json!(size))?;
        point[1].as_array()?.iter().map(Value::as_f64).collect()
    };
    let said = |(size, costs): &(f64, Vec<f64>)| {
        let old = kept(*size).filter(|old| fell(curve.better, old, costs))?;
        let (old, new) = (shown(&old, curve.places), shown(costs, curve.places));
        Some(format!("  {} at {size}: {old} became {new}", curve.name))
    };
    curve.points.iter().filter_map(said).collect()
}

fn fell(better: Better, old: &[f64], new: &[f64]) -> bool {
    let (old, new) = (Figures::new(old.to_vec()), Figures::new(new.to_vec()));
    let spread = |figures: &Figures| figures.ends().1 - figures.ends().0;
    let loss = match better {
        Better::Less => new.median() - old.median(),
        Better::More => old.median() - new.median(),
    };
    loss > spread(&old).max(spread(&new))
}

/// The rounds of a figure that was kept.
fn kept(before: &Value, group: &str, program: &str, measure: &str) -> Option<Vec<f64>> {
    let group = before["groups"].as_array()?.iter().find(|one| one["name"] == group)?;
    let row = group["rows"].as_array()?.iter().find(|one| one["program"] == program)?;
    row["figures"][measure].as_array()?.iter().map(Value::as_f64).collect()
}

/// What a command of git says of the repository.
fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").arg("-C").arg(env!("CARGO_MANIFEST_DIR")).args(arguments).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

fn committed(name: &str) -> Option<Value> {
    serde_json::from_str(&git(&["show", &format!("HEAD:bench/results/{name}.json")])?).ok()
}

/// The commit that was measured, with a cross where the program's own files differ from it.
fn commit() -> String {
    let commit = git(&["rev-parse", "--short=10", "HEAD"]).unwrap_or_else(|| "unknown".into());
    let changed = git(&["status", "--porcelain", "src", "benches", "Cargo.lock"]);
    let changed = changed.is_some_and(|changed| !changed.is_empty());
    format!("{}{}", commit.trim(), if changed { "+" } else { "" })
}

/// The date, in UTC.
fn today() -> String {
    let now = OffsetDateTime::from_unix_timestamp(lyceum::clock::now_us() / 1_000_000).expect("a time");
    now.date().to_string()
}

/// The machine's load, a mean over a minute, which the measurement itself adds to.
fn load() -> f64 {
    let said = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    said.split(' ').next().and_then(|minute| minute.parse().ok()).unwrap_or_default()
}

fn machine() -> String {
    let line = |file: &str, name: &str| {
        let text = fs::read_to_string(file).unwrap_or_default();
        let line = text.lines().find(|line| line.starts_with(name)).map(str::to_owned);
        line.and_then(|line| Some(line.split_once(':')?.1.trim().to_owned())).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = line("/proc/meminfo", "MemTotal");
    let kibibytes: f64 = memory.trim_end_matches(" kB").parse().unwrap_or_default();
    format!("{}, {cores} cores, {:.0} GB", line("/proc/cpuinfo", "model name"), kibibytes * 1024.0 / 1e9)
}
