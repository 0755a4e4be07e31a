//! nginx with a constant answer, and as a reverse proxy.

use std::fs;
use std::net::SocketAddr;
use std::process::Command;

use crate::machine::Machine;
use crate::server::{Server, free_address};

/// What the constant server answers.
const ANSWER: &str = r#"{"key":"value"}"#;

/// A server that answers always the same.
pub(crate) fn constant(machine: &Machine) -> Result<Server, String> {
    let address = free_address()?;
    let location = format!("default_type application/json; return 200 '{ANSWER}';");
    Server::start(machine, &mut command(machine, address, &location, "")?, address)
}

/// A reverse proxy that keeps its connections to the server behind it.
pub(crate) fn proxy(machine: &Machine, behind: SocketAddr) -> Result<Server, String> {
    let address = free_address()?;
    // It passes large bodies on as they come, instead of through files.
    let location = "proxy_pass http://behind; proxy_http_version 1.1; \
                    proxy_set_header Connection ''; client_max_body_size 0; \
                    proxy_request_buffering off; proxy_buffers 16 64k; proxy_buffer_size 64k; \
                    proxy_busy_buffers_size 128k; proxy_max_temp_file_size 0;";
    let upstream = format!(
        "upstream behind {{ server {behind}; keepalive 64; \
                            keepalive_requests 100000000; }}"
    );
    Server::start(machine, &mut command(machine, address, location, &upstream)?, address)
}

/// nginx in one process in the foreground, which needs no rights.
fn command(
    machine: &Machine,
    address: SocketAddr,
    location: &str,
    upstream: &str,
) -> Result<Command, String> {
    let nginx = Machine::program("nginx", "Debian's nginx-light")?;
    let folder = machine.path(&format!("nginx-{}", address.port()));
    let configuration = format!(
        "daemon off; master_process off; pid {0}/pid; error_log {0}/error;\n\
         events {{ worker_connections 1024; }}\n\
         http {{ access_log off; keepalive_requests 100000000; client_body_temp_path {0}/body;\n\
         proxy_temp_path {0}/proxy; fastcgi_temp_path {0}/fastcgi; uwsgi_temp_path {0}/uwsgi;\n\
         scgi_temp_path {0}/scgi; {upstream}\n\
         server {{ listen {address}; location / {{ {location} }} }} }}\n",
        folder.display()
    );
    let file = folder.join("configuration");
    let written = fs::create_dir_all(&folder).and_then(|()| fs::write(&file, configuration));
    written.map_err(|error| format!("nginx can't be configured: {error}"))?;
    let mut command = Command::new(nginx);
    command.arg("-c").arg(file).arg("-p").arg(folder);
    Ok(command)
}
