use super::tally::{Counts, Tallied, series};
use super::{Average, Measured, MetricConfig, MetricState, needs_classes};
use crate::nn::losses::Task;

crate::record! {
    /// Precision: of the examples that are said to be of a class, the share that are (van Rijsbergen, *Information Retrieval*,
    /// 1979, chapter 7). A probability above a half says yes. A quotient of nought by nought is nought.
    pub struct Precision {
        /// `macro`: the mean over the classes; `micro`: of all classes' counts together; `none`: a series for each class,
        /// named after it. Of two classes that one output tells apart it is the second one's in any case.
        pub average: Average = Average::Macro,
    }
}

impl MetricConfig for Precision {
    fn check(&self, task: Task) -> Result<(), String> {
        needs_classes(task, "precision", "mean_absolute_error")
    }

    fn greater_is_better(&self) -> bool {
        true
    }

    fn series(&self, name: &str, measured: &Measured) -> Vec<String> {
        series(name, self.average, measured)
    }

    fn build(&self, measured: &Measured) -> Box<dyn MetricState> {
        let average = self.average;
        Tallied::figures(measured, move |tally| tally.averaged(average, Counts::precision))
    }
}
