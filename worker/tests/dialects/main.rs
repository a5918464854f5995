//! The four dialects, from outside: frozen conversations, frozen and damaged answers, and what each shape means.

mod conversations;
mod echo;
mod fixture;
mod mutation;
mod shapes;
