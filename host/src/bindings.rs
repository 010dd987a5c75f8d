//! The host side of `wit/`, generated in the build. The contract of every function stands there.

#![expect(missing_docs, reason = "generated code; the WIT files hold the contract")]

use crate::failure::{self, Kind};
use tidelock::script::types;

wasmtime::component::bindgen!({
    path: "../wit",
    world: "script",
    imports: { default: trappable },
    exports: { default: async | store },
    require_store_data_send: true,
    with: {
        "tidelock:script/download.transfer": crate::download::Transfer,
        "tidelock:script/files.file": crate::door::file::OpenFile,
        "tidelock:script/http-client.client": crate::http::client::Client,
        "tidelock:script/http-client.body": crate::http::client::Body,
        "tidelock:script/http-server.incoming-body": crate::http::server::IncomingBody,
        "tidelock:script/http-server.outgoing-body": crate::http::server::OutgoingBody,
        "tidelock:script/http-server.server": crate::http::server::Server,
        "tidelock:script/websocket.connection": crate::websocket::Socket,
        "tidelock:script/modules.source": crate::capability::modules::Source,
    },
});

impl From<failure::Failure> for types::Error {
    fn from(failure::Failure { kind, message }: failure::Failure) -> Self {
        Self { kind: kind.into(), message }
    }
}

impl From<Kind> for types::ErrorKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Denied => Self::Denied,
            Kind::Timeout => Self::Timeout,
            Kind::Dns => Self::Dns,
            Kind::Connect => Self::Connect,
            Kind::Tls => Self::Tls,
            Kind::Protocol => Self::Protocol,
            Kind::Closed => Self::Closed,
            Kind::TooLarge => Self::TooLarge,
            Kind::Io => Self::Io,
            Kind::Cancelled => Self::Cancelled,
            Kind::Limit => Self::Limit,
            Kind::Invalid => Self::Invalid,
        }
    }
}
