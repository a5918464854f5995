//! End to end: the binary as its users meet it, on real sockets and disks, with the fake provider's own account as an
//! independent witness, and a server that plays a hostile model.

mod audit;
mod contract;
mod faults;
mod hostile;
mod judge;
mod limits;
mod live;
mod machine;
mod mistakes;
mod replay;
mod report;
mod stage;
mod suite;
mod terminal;
mod truth;
mod upkeep;
