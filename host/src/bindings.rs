//! The host side of `wit/`, generated in the build. The contract of every function stands there.

#![expect(missing_docs, reason = "generated code; the WIT files hold the contract")]

wasmtime::component::bindgen!({
    path: "../wit",
    world: "script",
    imports: { default: trappable },
    exports: { default: async | store },
    require_store_data_send: true,
    with: {
        "tidelock:script/http-client.client": crate::http::client::Client,
        "tidelock:script/http-client.body": crate::http::client::Body,
        "tidelock:script/http-server.server": crate::http::server::Server,
        "tidelock:script/modules.source": crate::capability::modules::Source,
    },
});

// Stand-in until the shared conversion is merged.
impl From<crate::failure::Failure> for tidelock::script::types::Error {
    fn from(failure: crate::failure::Failure) -> Self {
        use crate::failure::Kind;
        use tidelock::script::types::ErrorKind;
        let kind = match failure.kind {
            Kind::Denied => ErrorKind::Denied,
            Kind::Limit => ErrorKind::Limit,
            _ => ErrorKind::Io,
        };
        Self { kind, message: failure.message }
    }
}
