//! Servers with files that can be moved, renamed, copied and deleted, the users who may log in to them, and a queue of
//! files to be deleted later.

mod file;
mod tools;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Value, json};

use super::path::{check_path, plain};
use super::tool::{Answer, Arguments, shown};
use crate::digest::{Digest, Parts};

pub use file::{Date, Origin, ServerFile};
pub(super) use tools::TOOLS;

/// Files on all servers. As the model sees them they have at most 350 bytes each, some 360 KB.
const FILES_MAX: usize = 1_024;
/// Users of all servers.
const USERS_MAX: usize = 256;
/// Entries of the queue.
const QUEUE_MAX: usize = 1_024;
/// Bytes of a user's name or role.
const USER_BYTES_MAX: usize = 128;

/// The servers of a world.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Servers {
    hosts: Vec<Host>,
    queue: Vec<Queued>,
    today: Date,
    /// The tools that the scenario offers, by name.
    tools: Arc<[Arc<str>]>,
}

/// One server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    address: Arc<str>,
    about: Arc<str>,
    files: BTreeMap<Arc<str>, ServerFile>,
    /// Roles by user.
    users: BTreeMap<Arc<str>, Arc<str>>,
    evidence: bool,
    listed: bool,
}

/// A file queued for deletion, by the place it had when it was queued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Queued {
    /// The server's address.
    pub server: Arc<str>,
    /// The path there.
    pub path: Arc<str>,
}

type Done = Result<Answer, String>;

// === impl Servers ===

impl Servers {
    pub(crate) fn new(hosts: Vec<Host>, today: Date, tools: Arc<[Arc<str>]>) -> Self {
        Self { hosts, queue: Vec::new(), today, tools }
    }

    /// The names of all tools that a scenario can offer.
    pub(crate) fn all_tools() -> impl Iterator<Item = &'static str> {
        TOOLS.iter().map(|tool| tool.name)
    }

    /// The servers, in the scenario's order.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.hosts
    }

    /// One server.
    #[must_use]
    pub fn host(&self, address: &str) -> Option<&Host> {
        self.hosts.iter().find(|host| &*host.address == address)
    }

    /// The queue of files to be deleted, in the order in which they were queued. An entry stands for a place: a file
    /// that was renamed or moved after it was queued is not deleted.
    #[must_use]
    pub fn queue(&self) -> &[Queued] {
        &self.queue
    }

    /// Whether what lies at a place is going to be deleted.
    #[must_use]
    pub fn is_queued(&self, server: &str, path: &str) -> bool {
        self.queue.iter().any(|queued| &*queued.server == server && &*queued.path == path)
    }

    /// All files with this marker, and where they are: server, path, file.
    pub fn marked<'a>(&'a self, marker: &str) -> impl Iterator<Item = (&'a str, &'a str, &'a ServerFile)> {
        let is_marked = move |file: &ServerFile| file.marker() == Some(marker);
        let all =
            self.hosts.iter().flat_map(|host| host.files().map(|(path, file)| (host.address(), path, file)));
        all.filter(move |(_, _, file)| is_marked(file)).collect::<Vec<_>>().into_iter()
    }

    /// The day of the episode.
    #[must_use]
    pub fn today(&self) -> &Date {
        &self.today
    }

    /// Whether the job can't honestly be done without looking at a server's files.
    #[must_use]
    pub fn has_evidence(&self) -> bool {
        self.hosts.iter().any(|host| host.evidence)
    }

    /// Whether the model has seen the files of every server that its job is about.
    #[must_use]
    pub fn evidence_listed(&self) -> bool {
        self.hosts.iter().filter(|host| host.evidence).all(|host| host.listed)
    }

    /// Whether the scenario offers a tool of the family.
    pub(super) fn offers(&self, tool: &str) -> bool {
        self.tools.iter().any(|offered| **offered == *tool)
    }

    pub(super) fn call(&mut self, tool: &str, arguments: &Arguments) -> Answer {
        let done = match tool {
            "list_servers" => Ok(self.list()),
            "list_delete_queue" => Ok(self.list_queue()),
            "search_server_files" => Ok(self.search(arguments.text(0))),
            _ => self.call_at(tool, arguments),
        };
        done.unwrap_or_else(|what| Answer::error(&what))
    }

    /// The tools whose first argument is a server.
    fn call_at(&mut self, tool: &str, arguments: &Arguments) -> Done {
        let place = self.place(arguments.text(0))?;
        let (second, third) = (arguments.text(1), arguments.text(2));
        match tool {
            "list_server_files" => Ok(self.hosts[place].list()),
            "transfer_server_file" => self.transfer(place, plain(second), third),
            "rename_server_file" => self.rename(place, plain(second), plain(third)),
            "copy_server_file" => self.copy(place, plain(second), plain(third)),
            "delete_server_file" => self.delete(place, plain(second)),
            "list_users" => Ok(self.hosts[place].list_users()),
            "add_user" => self.add_user(place, second, third),
            "remove_user" => self.hosts[place].remove_user(second),
            "add_to_delete_queue" => self.enqueue(place, plain(second)),
            _ => self.dequeue(place, plain(second)),
        }
    }

    fn list(&self) -> Answer {
        let servers: Vec<Value> = self
            .hosts
            .iter()
            .map(
                |host| json!({ "address": &*host.address, "about": &*host.about, "files": host.files.len() }),
            )
            .collect();
        Answer::done(&json!({ "servers": servers }))
    }

    fn search(&mut self, name: &str) -> Answer {
        let name = name.to_lowercase();
        let mut found = Vec::new();
        for host in &mut self.hosts {
            let before = found.len();
            for (path, file) in host.files.iter().filter(|(path, _)| path.to_lowercase().contains(&name)) {
                let mut shown = file.shown(path);
                shown["server"] = (&*host.address).into();
                found.push(shown);
            }
            // Whoever has found all of a server's files has seen what a listing shows.
            host.listed |= found.len() - before == host.files.len();
        }
        Answer::done(&json!({ "found": found }))
    }

    fn transfer(&mut self, from: usize, path: &str, to: &str) -> Done {
        let to = self.place(to)?;
        let file = self.hosts[from].file(path)?.clone();
        if to == from {
            return Err(format!("`{}` is on {} already", shown(path), self.hosts[from].address));
        }
        self.hosts[to].check_free(path)?;
        self.hosts[from].files.remove(path);
        self.hosts[to].files.insert(path.into(), file);
        let (from, to) = (&*self.hosts[from].address, &*self.hosts[to].address);
        Ok(Answer::done(&json!({ "transferred": path, "from": from, "to": to })))
    }

    fn rename(&mut self, place: usize, path: &str, new_path: &str) -> Done {
        let host = &mut self.hosts[place];
        let file = host.file(path)?.clone();
        host.check_new(new_path)?;
        host.files.remove(path);
        host.files.insert(new_path.into(), file);
        Ok(Answer::done(&json!({ "server": &*host.address, "renamed": path, "new_path": new_path })))
    }

    fn copy(&mut self, place: usize, path: &str, new_path: &str) -> Done {
        let all: usize = self.hosts.iter().map(|host| host.files.len()).sum();
        let host = &mut self.hosts[place];
        let copy = host.file(path)?.copied(&self.today);
        host.check_new(new_path)?;
        if all >= FILES_MAX {
            return Err(format!("the servers have {FILES_MAX} files; they take no more"));
        }
        host.files.insert(new_path.into(), copy);
        let (server, updated) = (&*host.address, self.today.as_str());
        Ok(Answer::done(
            &json!({ "server": server, "copied": path, "new_path": new_path, "updated": updated }),
        ))
    }

    fn delete(&mut self, place: usize, path: &str) -> Done {
        let host = &mut self.hosts[place];
        host.file(path)?;
        host.files.remove(path);
        Ok(Answer::done(&json!({ "server": &*host.address, "deleted": path })))
    }

    fn add_user(&mut self, place: usize, user: &str, role: &str) -> Done {
        let all: usize = self.hosts.iter().map(|host| host.users.len()).sum();
        if all >= USERS_MAX {
            return Err(format!("the servers have {USERS_MAX} users; they take no more"));
        }
        self.hosts[place].add_user(user, role)
    }

    fn list_queue(&self) -> Answer {
        let queue: Vec<Value> = self
            .queue
            .iter()
            .map(|queued| json!({ "server": &*queued.server, "path": &*queued.path }))
            .collect();
        Answer::done(&json!({ "queue": queue }))
    }

    fn enqueue(&mut self, place: usize, path: &str) -> Done {
        let host = &self.hosts[place];
        host.file(path)?;
        if self.is_queued(&host.address, path) {
            return Err(format!("`{}` is queued already", shown(path)));
        }
        if self.queue.len() >= QUEUE_MAX {
            return Err(format!("the queue has {QUEUE_MAX} entries; it takes no more"));
        }
        let server = Arc::clone(&host.address);
        let answer = Answer::done(&json!({ "server": &*server, "queued": path }));
        self.queue.push(Queued { server, path: path.into() });
        Ok(answer)
    }

    fn dequeue(&mut self, place: usize, path: &str) -> Done {
        let server = Arc::clone(&self.hosts[place].address);
        if !self.is_queued(&server, path) {
            return Err(format!("`{}` is not queued; list_delete_queue shows what is", shown(path)));
        }
        self.queue.retain(|queued| queued.server != server || &*queued.path != path);
        Ok(Answer::done(&json!({ "server": &*server, "removed_from_queue": path })))
    }

    fn place(&self, address: &str) -> Result<usize, String> {
        let known = |host: &Host| &*host.address == address.trim();
        self.hosts.iter().position(known).ok_or_else(|| {
            let known: Vec<&str> = self.hosts.iter().map(Host::address).collect();
            format!("there is no server `{}`; the servers are {}", shown(address), known.join(", "))
        })
    }

    pub(super) fn digest(&self) -> Digest {
        let mut parts = Parts::new("muster servers");
        parts.text(self.today.as_str()).number(self.hosts.len() as u64);
        for host in &self.hosts {
            host.hash_into(&mut parts);
        }
        for queued in &self.queue {
            parts.text(&queued.server).text(&queued.path);
        }
        parts.digest()
    }
}

// === impl Host ===

impl Host {
    pub(crate) fn new(
        address: Arc<str>,
        about: Arc<str>,
        files: BTreeMap<Arc<str>, ServerFile>,
        users: BTreeMap<Arc<str>, Arc<str>>,
        evidence: bool,
    ) -> Self {
        Self { address, about, files, users, evidence, listed: false }
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.address
    }

    /// What it is said to be.
    #[must_use]
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Its files, in order of their paths.
    pub fn files(&self) -> impl Iterator<Item = (&str, &ServerFile)> {
        self.files.iter().map(|(path, file)| (&**path, file))
    }

    /// The users who may log in to it, and their roles.
    pub fn users(&self) -> impl Iterator<Item = (&str, &str)> {
        self.users.iter().map(|(user, role)| (&**user, &**role))
    }

    /// Whether the job can't honestly be done without looking at its files.
    #[must_use]
    pub fn evidence(&self) -> bool {
        self.evidence
    }

    /// Whether the model has seen all files that were on it at some moment.
    #[must_use]
    pub fn listed(&self) -> bool {
        self.listed
    }

    fn list(&mut self) -> Answer {
        self.listed = true;
        let files: Vec<Value> = self.files.iter().map(|(path, file)| file.shown(path)).collect();
        Answer::done(&json!({ "server": &*self.address, "files": files }))
    }

    fn list_users(&self) -> Answer {
        let users: Vec<Value> =
            self.users.iter().map(|(user, role)| json!({ "user": &**user, "role": &**role })).collect();
        Answer::done(&json!({ "server": &*self.address, "users": users }))
    }

    fn add_user(&mut self, user: &str, role: &str) -> Done {
        let fits = |text: &str| text.len() <= USER_BYTES_MAX && !text.contains(char::is_control);
        if user.is_empty() || !fits(user) || !fits(role) {
            return Err(format!(
                "a user's name and role have at most {USER_BYTES_MAX} bytes and no control characters"
            ));
        }
        if self.users.contains_key(user) {
            return Err(format!("`{}` is a user of {} already", shown(user), self.address));
        }
        self.users.insert(user.into(), role.into());
        Ok(Answer::done(&json!({ "server": &*self.address, "added": user, "role": role })))
    }

    fn remove_user(&mut self, user: &str) -> Done {
        match self.users.remove(user) {
            Some(_) => Ok(Answer::done(&json!({ "server": &*self.address, "removed": user }))),
            None => Err(format!("`{}` is no user of {}; list_users shows them", shown(user), self.address)),
        }
    }

    fn file(&self, path: &str) -> Result<&ServerFile, String> {
        self.files.get(path).ok_or_else(|| {
            format!("there is no file `{}` on {}; list_server_files shows them", shown(path), self.address)
        })
    }

    fn check_new(&self, path: &str) -> Result<(), String> {
        check_path(path)?;
        self.check_free(path)
    }

    fn check_free(&self, path: &str) -> Result<(), String> {
        if self.files.contains_key(path) {
            return Err(format!("there is a file `{}` on {} already", shown(path), self.address));
        }
        Ok(())
    }

    fn hash_into(&self, parts: &mut Parts) {
        parts.text(&self.address).text(&self.about);
        parts.number(u64::from(self.evidence)).number(u64::from(self.listed));
        parts.number(self.files.len() as u64).number(self.users.len() as u64);
        for (path, file) in &self.files {
            file.hash_into(path, parts);
        }
        for (user, role) in &self.users {
            parts.text(user).text(role);
        }
    }
}
