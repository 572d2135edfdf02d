//! What libc's functions do, and a record of it.
//!
//! The system calls are made by libc's `syscall`, not by the functions of their names: those are ours.

use std::ffi::{c_char, c_int, c_long, c_uint, c_void};

use heddle_test_disk::Record;
use libc::{iovec, mode_t, off_t, size_t, ssize_t};

use crate::recorder::Recorder;

/// Make a system call. What it sets `errno` to stays, as nothing is recorded of what failed.
macro_rules! call {
    ($number:ident $(, $argument:expr)*) => {
        libc::syscall(libc::$number $(, $argument)*)
    };
}

/// Results of system calls that return a descriptor or zero.
fn int(result: c_long) -> c_int {
    c_int::try_from(result).unwrap_or(-1)
}

/// Results of system calls that return a length.
fn size(result: c_long) -> ssize_t {
    result as ssize_t
}

fn fail(errno: c_int) -> c_int {
    // SAFETY: each thread has its own.
    unsafe { *libc::__errno_location() = errno };
    -1
}

/// A file's permissions and length, by its descriptor.
fn state(fd: c_int) -> (u32, i64) {
    // SAFETY: a `stat` of zeros is one, and libc writes to no more than it.
    unsafe {
        let mut stat: libc::stat = std::mem::zeroed();
        libc::fstat(fd, &raw mut stat);
        (stat.st_mode & 0o7777, stat.st_size)
    }
}

pub(crate) unsafe fn open(at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int {
    unsafe {
        let real = || int(call!(SYS_openat, at, path, flags | libc::O_LARGEFILE, mode));
        let Some(recorder) = Recorder::get() else { return real() };
        let Some(below) = recorder.below(at, path) else { return real() };
        if flags & libc::O_TMPFILE == libc::O_TMPFILE {
            // As of a file system that has no files without names; who wanted one takes one with a name.
            return fail(libc::EOPNOTSUPP);
        }
        let _turn = recorder.turn();
        let created = flags & libc::O_CREAT != 0 && call!(SYS_faccessat, at, path, libc::F_OK) != 0;
        let fd = real();
        if fd >= 0 {
            recorder.opened(fd, &below, created, flags & libc::O_TRUNC != 0, state(fd).0);
        }
        fd
    }
}

pub(crate) unsafe fn close(fd: c_int) -> c_int {
    unsafe {
        let Some(recorder) = Recorder::watching(fd) else { return int(call!(SYS_close, fd)) };
        let _turn = recorder.turn();
        recorder.closes(fd);
        int(call!(SYS_close, fd))
    }
}

pub(crate) unsafe fn fcntl(fd: c_int, command: c_int, argument: c_long) -> c_int {
    unsafe {
        let real = || int(call!(SYS_fcntl, fd, command, argument));
        let duplicates = matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC);
        let Some(recorder) = Recorder::watching(fd).filter(|_| duplicates) else { return real() };
        let _turn = recorder.turn();
        let new = real();
        if new >= 0 {
            recorder.duplicated(fd, new);
        }
        new
    }
}

pub(crate) unsafe fn dup2(fd: c_int, to: c_int) -> c_int {
    unsafe {
        if fd != to {
            return dup3(fd, to, 0);
        }
        if call!(SYS_fcntl, fd, libc::F_GETFD) < 0 { -1 } else { to }
    }
}

pub(crate) unsafe fn dup3(fd: c_int, to: c_int, flags: c_int) -> c_int {
    unsafe {
        let real = || int(call!(SYS_dup3, fd, to, flags));
        let (from_ours, over_ours) = (Recorder::watching(fd), Recorder::watching(to));
        let Some(recorder) = from_ours.or(over_ours) else { return real() };
        let _turn = recorder.turn();
        let new = real();
        if new >= 0 {
            if over_ours.is_some() {
                recorder.closes(to);
            }
            if from_ours.is_some() {
                recorder.duplicated(fd, new);
            }
        }
        new
    }
}

/// Write down what a call wrote. Without an offset, it is before where the file now stands.
unsafe fn wrote(recorder: &Recorder, fd: c_int, written: ssize_t, offset: Option<off_t>, data: &[u8]) {
    let Ok(length) = usize::try_from(written) else { return };
    // SAFETY: no memory is passed.
    let end = || unsafe { call!(SYS_lseek, fd, 0, libc::SEEK_CUR) };
    let offset = offset.unwrap_or_else(|| end() - written as off_t);
    if length > 0 {
        let data = &data[..length];
        recorder.write_down(&Record::Write {
            handle: recorder.handle(fd),
            offset: offset.cast_unsigned(),
            data,
        });
    }
}

pub(crate) unsafe fn write(fd: c_int, data: *const c_void, length: size_t) -> ssize_t {
    unsafe {
        let real = || size(call!(SYS_write, fd, data, length));
        let Some(recorder) = Recorder::watching(fd) else { return real() };
        let _turn = recorder.turn();
        let written = real();
        if written > 0 {
            wrote(recorder, fd, written, None, std::slice::from_raw_parts(data.cast(), length));
        }
        written
    }
}

pub(crate) unsafe fn pwrite(fd: c_int, data: *const c_void, length: size_t, offset: off_t) -> ssize_t {
    unsafe {
        let real = || size(call!(SYS_pwrite64, fd, data, length, offset));
        let Some(recorder) = Recorder::watching(fd) else { return real() };
        let _turn = recorder.turn();
        let written = real();
        if written > 0 {
            wrote(recorder, fd, written, Some(offset), std::slice::from_raw_parts(data.cast(), length));
        }
        written
    }
}

/// An offset of -1 is where the file stands.
pub(crate) unsafe fn writev(
    fd: c_int,
    parts: *const iovec,
    count: c_int,
    offset: off_t,
    flags: c_int,
) -> ssize_t {
    unsafe {
        // The upper half of the offset is for machines of 32 bits.
        let real = || match offset {
            -1 if flags == 0 => size(call!(SYS_writev, fd, parts, count)),
            _ => size(call!(SYS_pwritev2, fd, parts, count, offset, 0, flags)),
        };
        let Some(recorder) = Recorder::watching(fd) else { return real() };
        let _turn = recorder.turn();
        let written = real();
        if written > 0 {
            let parts = std::slice::from_raw_parts(parts, usize::try_from(count).unwrap_or(0));
            let parts = parts.iter().filter(|part| part.iov_len > 0);
            let parts =
                parts.map(|part| std::slice::from_raw_parts(part.iov_base.cast::<u8>(), part.iov_len));
            let data = parts.collect::<Vec<_>>().concat();
            wrote(recorder, fd, written, Some(offset).filter(|offset| *offset >= 0), &data);
        }
        written
    }
}

pub(crate) unsafe fn ftruncate(fd: c_int, length: off_t) -> c_int {
    unsafe {
        let real = || int(call!(SYS_ftruncate, fd, length));
        let Some(recorder) = Recorder::watching(fd) else { return real() };
        let _turn = recorder.turn();
        let result = real();
        if result == 0 {
            let length = length.cast_unsigned();
            recorder.write_down(&Record::Truncate { handle: recorder.handle(fd), length });
        }
        result
    }
}

pub(crate) unsafe fn fallocate(fd: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int {
    unsafe {
        let real = || int(call!(SYS_fallocate, fd, mode, offset, length));
        let Some(recorder) = Recorder::watching(fd) else { return real() };
        if mode & !libc::FALLOC_FL_KEEP_SIZE != 0 {
            // Holes and the like are not recorded; as of a file system that has none.
            return fail(libc::EOPNOTSUPP);
        }
        let _turn = recorder.turn();
        let before = state(fd).1;
        let result = real();
        let after = state(fd).1;
        if result == 0 && before != after {
            let length = after.cast_unsigned();
            recorder.write_down(&Record::Truncate { handle: recorder.handle(fd), length });
        }
        result
    }
}

pub(crate) unsafe fn copy_file_range(
    from: c_int,
    at: *mut off_t,
    to: c_int,
    to_at: *mut off_t,
    length: size_t,
    flags: c_uint,
) -> ssize_t {
    if Recorder::watching(to).is_some() {
        return fail(libc::ENOSYS) as ssize_t;
    }
    unsafe { size(call!(SYS_copy_file_range, from, at, to, to_at, length, flags)) }
}

pub(crate) unsafe fn sendfile(to: c_int, from: c_int, at: *mut off_t, length: size_t) -> ssize_t {
    if Recorder::watching(to).is_some() {
        return fail(libc::EINVAL) as ssize_t;
    }
    unsafe { size(call!(SYS_sendfile, to, from, at, length)) }
}

pub(crate) unsafe fn splice(
    from: c_int,
    at: *mut off_t,
    to: c_int,
    to_at: *mut off_t,
    length: size_t,
    flags: c_uint,
) -> ssize_t {
    if Recorder::watching(to).is_some() {
        return fail(libc::EINVAL) as ssize_t;
    }
    unsafe { size(call!(SYS_splice, from, at, to, to_at, length, flags)) }
}

/// The two names of a rename or a link: both below the root, neither, or as if the root were a disk of its own.
enum Names {
    Below(&'static Recorder, Vec<u8>, Vec<u8>),
    Elsewhere,
    Across,
}

unsafe fn names(at: c_int, from: *const c_char, to_at: c_int, to: *const c_char) -> Names {
    let Some(recorder) = Recorder::get() else { return Names::Elsewhere };
    match unsafe { (recorder.below(at, from), recorder.below(to_at, to)) } {
        (Some(from), Some(to)) => Names::Below(recorder, from, to),
        (None, None) => Names::Elsewhere,
        _ => Names::Across,
    }
}

pub(crate) unsafe fn rename(
    at: c_int,
    from: *const c_char,
    to_at: c_int,
    to: *const c_char,
    flags: c_uint,
) -> c_int {
    unsafe {
        let real = || int(call!(SYS_renameat2, at, from, to_at, to, flags));
        match names(at, from, to_at, to) {
            Names::Elsewhere => real(),
            Names::Across => fail(libc::EXDEV),
            // Exchanges are not recorded; as of a file system that does not know them.
            Names::Below(..) if flags & !libc::RENAME_NOREPLACE != 0 => fail(libc::EINVAL),
            Names::Below(recorder, from, to) => {
                let _turn = recorder.turn();
                let result = real();
                if result == 0 {
                    recorder.write_down(&Record::Rename { from: &from, to: &to });
                }
                result
            }
        }
    }
}

pub(crate) unsafe fn link(
    at: c_int,
    from: *const c_char,
    to_at: c_int,
    to: *const c_char,
    flags: c_int,
) -> c_int {
    unsafe {
        let real = || int(call!(SYS_linkat, at, from, to_at, to, flags));
        match names(at, from, to_at, to) {
            Names::Elsewhere => real(),
            Names::Across => fail(libc::EXDEV),
            Names::Below(recorder, from, to) => {
                let _turn = recorder.turn();
                let result = real();
                if result == 0 {
                    recorder.write_down(&Record::Link { from: &from, to: &to });
                }
                result
            }
        }
    }
}

/// One call on one name: done for real, and written down once it has succeeded, in one turn.
unsafe fn on_name(
    at: c_int,
    path: *const c_char,
    real: impl FnOnce() -> c_int,
    write_down: impl FnOnce(&Recorder, &[u8]),
) -> c_int {
    let Some(recorder) = Recorder::get() else { return real() };
    let Some(below) = (unsafe { recorder.below(at, path) }) else { return real() };
    let _turn = recorder.turn();
    let result = real();
    if result == 0 {
        write_down(recorder, &below);
    }
    result
}

pub(crate) unsafe fn unlink(at: c_int, path: *const c_char, flags: c_int) -> c_int {
    unsafe {
        on_name(
            at,
            path,
            || int(call!(SYS_unlinkat, at, path, flags)),
            |recorder, path| {
                recorder.write_down(&match flags & libc::AT_REMOVEDIR {
                    0 => Record::Unlink { path },
                    _ => Record::RemoveDirectory { path },
                });
            },
        )
    }
}

pub(crate) unsafe fn mkdir(at: c_int, path: *const c_char, mode: mode_t) -> c_int {
    unsafe {
        on_name(
            at,
            path,
            || int(call!(SYS_mkdirat, at, path, mode)),
            |recorder, below| {
                let mut stat: libc::stat = std::mem::zeroed();
                libc::fstatat(at, path, &raw mut stat, libc::AT_SYMLINK_NOFOLLOW);
                recorder.write_down(&Record::MakeDirectory { path: below, mode: stat.st_mode & 0o7777 });
            },
        )
    }
}

pub(crate) unsafe fn chmod(at: c_int, path: *const c_char, mode: mode_t) -> c_int {
    unsafe {
        on_name(
            at,
            path,
            || int(call!(SYS_fchmodat, at, path, mode)),
            |recorder, path| recorder.write_down(&Record::SetMode { path, mode: mode & 0o7777 }),
        )
    }
}

pub(crate) unsafe fn fchmod(fd: c_int, mode: mode_t) -> c_int {
    unsafe {
        let real = || int(call!(SYS_fchmod, fd, mode));
        let Some(recorder) = Recorder::watching(fd) else { return real() };
        let _turn = recorder.turn();
        let result = real();
        // Permissions of a file that has no name any more are nobody's concern.
        if result == 0
            && let Some(name) = recorder.name(fd)
            && !name.ends_with(b" (deleted)")
        {
            recorder.write_down(&Record::SetMode { path: &name, mode: mode & 0o7777 });
        }
        result
    }
}

pub(crate) unsafe fn sync(fd: c_int, real: c_long) -> c_int {
    match Recorder::watching(fd) {
        Some(recorder) => {
            recorder.sync(fd);
            0
        }
        None => int(unsafe { libc::syscall(real, fd) }),
    }
}
