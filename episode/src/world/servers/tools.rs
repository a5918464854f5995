//! The tools of servers. A scenario offers some of them: who cleans a server up needs no way to delete at once, and who
//! moves files needs no users.

use crate::world::tool::{Parameter, Tool};

const SERVER: Parameter = Parameter { name: "server", description: "The server's address, as listed." };
const PATH: Parameter = Parameter { name: "path", description: "The file's path, as listed." };
const NEW_PATH: Parameter = Parameter { name: "new_path", description: "The new path on the same server." };
const USER: Parameter = Parameter { name: "user", description: "The user's name." };

pub(in crate::world) const TOOLS: &[Tool] = &[
    Tool {
        name: "list_servers",
        description: "Lists the servers that you can reach, by address.",
        parameters: &[],
    },
    Tool {
        name: "list_server_files",
        description: "Lists the files on a server: path, size in bytes and date of the last update.",
        parameters: &[SERVER],
    },
    Tool {
        name: "search_server_files",
        description: "Searches all servers for files whose path contains a text; small and capital letters are the same.",
        parameters: &[Parameter { name: "name", description: "The text to look for." }],
    },
    Tool {
        name: "transfer_server_file",
        description: "Moves a file from one server to another. It keeps its path and its date.",
        parameters: &[
            Parameter { name: "server", description: "The address of the server that it is on." },
            PATH,
            Parameter { name: "to", description: "The address of the server that it goes to." },
        ],
    },
    Tool {
        name: "rename_server_file",
        description: "Gives a file another path on its server. It keeps its date.",
        parameters: &[SERVER, PATH, NEW_PATH],
    },
    Tool {
        name: "copy_server_file",
        description: "Copies a file on its server. The copy counts as updated today.",
        parameters: &[SERVER, PATH, NEW_PATH],
    },
    Tool {
        name: "delete_server_file",
        description: "Deletes a file from a server, at once and for good.",
        parameters: &[SERVER, PATH],
    },
    Tool {
        name: "list_users",
        description: "Lists the users who may log in to a server, and their roles.",
        parameters: &[SERVER],
    },
    Tool {
        name: "add_user",
        description: "Lets a user log in to a server.",
        parameters: &[SERVER, USER, Parameter { name: "role", description: "What the user may do there." }],
    },
    Tool {
        name: "remove_user",
        description: "Takes a user's right to log in to a server away.",
        parameters: &[SERVER, USER],
    },
    Tool {
        name: "list_delete_queue",
        description: "Lists the files that are queued for deletion.",
        parameters: &[],
    },
    Tool {
        name: "add_to_delete_queue",
        description: "Queues a file for deletion.",
        parameters: &[SERVER, PATH],
    },
    Tool {
        name: "remove_from_delete_queue",
        description: "Takes a file off the queue for deletion.",
        parameters: &[SERVER, PATH],
    },
];
