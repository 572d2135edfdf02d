//! The host's side of the WIT, generated.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { "heddle:plugin/approvals": async | trappable, default: trappable },
    exports: { default: async },
    with: { "heddle:plugin/artifacts.writer": super::state::OpenFile },
});
