//! The documents open in LibreOffice and in Poppler, where there is one.

use std::{fs, path::Path, process::Command};

use crate::{common, support::phases};

#[test]
fn libreoffice_opens_the_documents() {
    if Command::new("soffice").arg("--version").output().is_err() {
        println!("SKIPPED: soffice is not installed");
        return;
    }
    let run = phases("sample", &common::sample()).publication;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("publication_office");
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    // A profile of its own: another LibreOffice may be running.
    let profile = format!("-env:UserInstallation=file://{}", folder.join("profile").display());
    for name in ["manuscript.docx", "csr_shell.docx", "tables_package.xlsx"] {
        let file = folder.join(name);
        fs::write(&file, run.bytes(name)).unwrap();
        let made = Command::new("soffice")
            .args([&profile, "--headless", "--convert-to", "pdf", "--outdir"])
            .arg(&folder)
            .arg(&file)
            .output()
            .unwrap();
        let pdf = fs::read(file.with_extension("pdf"))
            .unwrap_or_else(|_| panic!("{name}: {}", String::from_utf8_lossy(&made.stderr)));
        assert!(pdf.starts_with(b"%PDF") && pdf.len() > 10_000, "{name}");
    }
}

#[test]
fn poppler_reads_the_supplement_and_no_id_in_it() {
    if Command::new("pdftotext").arg("-v").output().is_err() {
        println!("SKIPPED: pdftotext is not installed");
        return;
    }
    let sample = common::sample();
    let run = phases("sample", &sample).publication;
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("supplementary_materials.pdf");
    fs::write(&file, run.bytes("supplementary_materials.pdf")).unwrap();
    let read = Command::new("pdftotext").arg(&file).arg("-").output().unwrap();
    let text = String::from_utf8(read.stdout).unwrap();
    assert!(read.status.success() && read.stderr.is_empty(), "{}", String::from_utf8_lossy(&read.stderr));
    assert!(text.contains("Detailed methods") && text.contains("Page 2 of"), "{text}");
    let subjects = sample["study_data"]["subjects"].as_array().unwrap();
    let ids: Vec<&str> = subjects.iter().filter_map(|subject| subject["subject_id"].as_str()).collect();
    assert!(ids.len() > 90);
    for id in ids {
        assert!(!text.contains(id), "{id}");
    }
}
