//! The host's side of the WIT, generated.

wasmtime::component::bindgen!({
    path: "../wit",
    world: "plugin",
    imports: { default: trappable },
    exports: { default: async },
    with: { "heddle:plugin/artifacts.writer": super::state::OpenFile },
});
