//! `storage`: serves the files that it holds.

use super::files::{FILES, FileSet};
use super::role::RoleEntry;
use super::serving::{Answer, MAX_TRANSFERS, RETRY_AFTER, Server, Site};
use crate::proto::http::request::Request;
use crate::proto::http::url::file_path;

/// The role.
pub const STORAGE: RoleEntry = RoleEntry {
    name: "storage",
    about: "serves its files over HTTP on port 80",
    keys: &[FILES, MAX_TRANSFERS, RETRY_AFTER],
    build: |params, env| Ok(Box::new(Server::new(Storage { files: FileSet::from_params(params, env)? }, params, env))),
};

#[derive(Debug)]
struct Storage {
    files: FileSet,
}

impl Site for Storage {
    fn answer(&mut self, request: &Request) -> Answer {
        match file_path(&request.target) {
            Ok(name) => self.files.get(&name).map_or(Answer::Error(404), |file| Answer::File(file.clone())),
            Err(_) => Answer::Error(400),
        }
    }
}
