use super::ScheduleConfig;
use crate::spec::LearningRate;

crate::record! {
    /// The same learning rate at every step; a plain number means this.
    pub struct Constant {
        /// The rate.
        pub learning_rate: LearningRate,
    }
}

impl ScheduleConfig for Constant {
    fn at(&self, _step: u64, _steps: u64) -> f64 {
        self.learning_rate.get()
    }
}
