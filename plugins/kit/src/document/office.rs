//! The package around Office documents: content types, relations and properties (ECMA-376, part 2).

use super::model::Meta;
use crate::archive::{Archive, ArchiveError};
use crate::xml::Xml;

const RELATIONS: &str = "http://schemas.openxmlformats.org/package/2006/relationships";
const OFFICE: &str = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";

/// A file of the package. `content_type` is empty where the type follows from the name's ending.
pub(crate) struct Part {
    pub(crate) path: String,
    pub(crate) content_type: &'static str,
    pub(crate) bytes: Vec<u8>,
}

impl Part {
    pub(crate) fn new(path: impl Into<String>, content_type: &'static str, bytes: Vec<u8>) -> Part {
        Part { path: path.into(), content_type, bytes }
    }

    /// The relations of a part: (id, last word of the type, target).
    pub(crate) fn relations(path: &str, relations: &[(String, &str, String)]) -> Part {
        let mut xml = Xml::new();
        xml.element("Relationships", &[("xmlns", RELATIONS)], |xml| {
            for (id, kind, target) in relations {
                let kind = format!("{OFFICE}/{kind}");
                xml.empty("Relationship", &[("Id", id), ("Type", &kind), ("Target", target)]);
            }
        });
        Part::new(path, "", xml.finish())
    }
}

/// The package of `parts`, the first of which is the document itself.
pub(crate) fn package(meta: &Meta, parts: &[Part]) -> Result<Vec<u8>, ArchiveError> {
    let mut archive = Archive::new(meta.created);
    archive.add("[Content_Types].xml", &content_types(parts))?;
    archive.add("_rels/.rels", &root_relations(parts))?;
    archive.add("docProps/core.xml", &core_properties(meta))?;
    archive.add("docProps/app.xml", &app_properties())?;
    for part in parts {
        archive.add(&part.path, &part.bytes)?;
    }
    archive.finish()
}

fn content_types(parts: &[Part]) -> Vec<u8> {
    let mut xml = Xml::new();
    let space = "http://schemas.openxmlformats.org/package/2006/content-types";
    xml.element("Types", &[("xmlns", space)], |xml| {
        let relations = "application/vnd.openxmlformats-package.relationships+xml";
        for (extension, kind) in [("rels", relations), ("xml", "application/xml"), ("png", "image/png")] {
            xml.empty("Default", &[("Extension", extension), ("ContentType", kind)]);
        }
        let core = "application/vnd.openxmlformats-package.core-properties+xml";
        let app = "application/vnd.openxmlformats-officedocument.extended-properties+xml";
        xml.empty("Override", &[("PartName", "/docProps/core.xml"), ("ContentType", core)]);
        xml.empty("Override", &[("PartName", "/docProps/app.xml"), ("ContentType", app)]);
        for part in parts.iter().filter(|p| !p.content_type.is_empty()) {
            let name = format!("/{}", part.path);
            xml.empty("Override", &[("PartName", &name), ("ContentType", part.content_type)]);
        }
    });
    xml.finish()
}

fn root_relations(parts: &[Part]) -> Vec<u8> {
    let main = parts.first().map_or("", |p| p.path.as_str());
    let core = "http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties";
    let mut xml = Xml::new();
    xml.element("Relationships", &[("xmlns", RELATIONS)], |xml| {
        for (id, kind, target) in [
            ("rId1", format!("{OFFICE}/officeDocument"), main),
            ("rId2", core.to_owned(), "docProps/core.xml"),
            ("rId3", format!("{OFFICE}/extended-properties"), "docProps/app.xml"),
        ] {
            xml.empty("Relationship", &[("Id", id), ("Type", &kind), ("Target", target)]);
        }
    });
    xml.finish()
}

fn core_properties(meta: &Meta) -> Vec<u8> {
    let spaces = [
        ("xmlns:cp", "http://schemas.openxmlformats.org/package/2006/metadata/core-properties"),
        ("xmlns:dc", "http://purl.org/dc/elements/1.1/"),
        ("xmlns:dcterms", "http://purl.org/dc/terms/"),
        ("xmlns:dcmitype", "http://purl.org/dc/dcmitype/"),
        ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
    ];
    // Whole seconds: fractions are not in the profile of ISO 8601 that these files use.
    let created = meta.created.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let mut xml = Xml::new();
    xml.element("cp:coreProperties", &spaces, |xml| {
        xml.leaf("dc:title", &[], &meta.title);
        if !meta.subject.is_empty() {
            xml.leaf("dc:subject", &[], &meta.subject);
        }
        if !meta.author.is_empty() {
            xml.leaf("dc:creator", &[], &meta.author);
            xml.leaf("cp:lastModifiedBy", &[], &meta.author);
        }
        xml.leaf("dcterms:created", &[("xsi:type", "dcterms:W3CDTF")], &created);
        xml.leaf("dcterms:modified", &[("xsi:type", "dcterms:W3CDTF")], &created);
        xml.leaf("dc:language", &[], &meta.language);
    });
    xml.finish()
}

fn app_properties() -> Vec<u8> {
    let space = "http://schemas.openxmlformats.org/officeDocument/2006/extended-properties";
    let mut xml = Xml::new();
    xml.element("Properties", &[("xmlns", space)], |xml| xml.leaf("Application", &[], "Heddle"));
    xml.finish()
}
