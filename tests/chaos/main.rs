//! Crashes of real processes, with the fake provider's account as an independent witness. `MUSTER_CHAOS_KILLS=N` makes the
//! number of kills longer; `MUSTER_CHAOS_SEED=S` repeats a run's moments.

mod all_in_one;
mod coordinator;
mod kills;
mod worker;
