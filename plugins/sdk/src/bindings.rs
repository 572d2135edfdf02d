//! The component's side of the WIT, generated. Plugin code uses [`crate::Context`] instead.

wit_bindgen::generate!({
    path: "../../wit",
    world: "plugin",
    pub_export_macro: true,
    export_macro_name: "export_plugin",
    default_bindings_module: "heddle_sdk::bindings",
});
