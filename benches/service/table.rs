//! The figures, each beside its target as soon as it is known.

/// On which side of the target a figure is right.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

/// Figures of one kind: their median counts.
pub(crate) struct Figures {
    sorted: Vec<f64>,
}

impl Figures {
    pub(crate) fn new(mut figures: Vec<f64>) -> Self {
        figures.sort_by(f64::total_cmp);
        Self { sorted: figures }
    }

    pub(crate) fn median(&self) -> f64 {
        let middle = self.sorted.len() / 2;
        if self.sorted.len().is_multiple_of(2) {
            f64::midpoint(self.sorted[middle - 1], self.sorted[middle])
        } else {
            self.sorted[middle]
        }
    }

    /// The least and the greatest.
    pub(crate) fn ends(&self) -> (f64, f64) {
        (self.sorted[0], self.sorted[self.sorted.len() - 1])
    }
}

pub(crate) struct Table {
    misses: usize,
}

impl Table {
    pub(crate) fn begin() -> Self {
        println!("{:<58} {:>12} {:>23}  {:<14}", "what", "median", "least to greatest", "target");
        Self { misses: 0 }
    }

    /// Figures in a unit, with so many decimal places.
    pub(crate) fn row(&mut self, what: &str, figures: &Figures, places: usize, unit: &str, target: Target) {
        let median = figures.median();
        let (ok, target) = match target {
            Target::AtMost(most) => (median <= most, format!("≤ {most} {unit}")),
            Target::AtLeast(least) => (median >= least, format!("≥ {least} {unit}")),
        };
        let verdict = if ok { "ok" } else { "misses" };
        self.misses += usize::from(!ok);
        self.line(what, figures, places, unit, &format!("{target:<14} {verdict}"));
    }

    /// Figures that have no target, for comparison.
    pub(crate) fn note(&mut self, what: &str, figures: &Figures, places: usize, unit: &str) {
        self.line(what, figures, places, unit, "");
    }

    #[expect(clippy::unused_self, reason = "lines belong to a table that was begun")]
    fn line(&mut self, what: &str, figures: &Figures, places: usize, unit: &str, judged: &str) {
        let median = format!("{:.places$} {unit}", figures.median());
        let spread = match (figures.sorted.first(), figures.sorted.last()) {
            (Some(least), Some(greatest)) if figures.sorted.len() > 1 => {
                format!("{least:.places$} to {greatest:.places$}")
            }
            _ => String::new(),
        };
        println!("{what:<58} {median:>12} {spread:>23}  {judged}");
    }

    pub(crate) fn end(self) {
        if self.misses > 0 {
            println!("{} of these miss their targets", self.misses);
        }
    }
}
