//! Sweeps: the file that a user writes, and the plan that it comes to.

mod extra;
mod file;
mod list;
mod model;
mod permutation;
mod plan;
mod quota;
mod resolve;
mod secrets;
mod words;

pub(crate) use file::display_name;
pub use file::{LimitOverrides, ModelEntry, Placed, RetryPlan, Select, SweepFile};
pub use list::{List, ListError, ListPlan, Row};
pub use model::{MODEL_NAME_BYTES_MAX, ModelName, ModelPlan};
pub use plan::{AxisPlan, ListSweep, PlanError, ScenarioPlan, Seed, SweepPlan, VariantIndex, VariantKey};
pub use quota::{BudgetMode, BudgetPlan, Price, QuotaPlan};
pub use words::{PriceWords, QuotaWords};
