//! Loaded into a process by `LD_PRELOAD`, it writes down every change of the files below a directory, in the order in which
//! they happen, and what is synced of them: see `tests/disk` for the log and for what is made of it.
//!
//! It stands before libc's functions of the same names, does what they do by the same system calls, and for files below
//! `HEDDLE_DISK_ROOT` appends a record to `HEDDLE_DISK_LOG`. What a program does by system calls of its own, or by memory that is
//! mapped from a file, or to descriptors that it was started with, is not seen; whoever compares the files with the log at the end ([`Disk::differences`]) finds out.
//! Nothing is really synced: the disk of the test is the log.
//!
//! [`Disk::differences`]: heddle_test_disk::Disk::differences
#![allow(
    unsafe_code,
    reason = "libc's functions have its signatures: raw pointers, and descriptors that anybody may hold"
)]
#![cfg(target_os = "linux")]

mod calls;
mod recorder;

use std::ffi::{c_char, c_int, c_long, c_uint, c_void};

use libc::{AT_FDCWD, iovec, mode_t, off_t, size_t, ssize_t};

/// Define functions under libc's names. `open` and `fcntl` may be called without their last argument; what is found in its
/// place is then not looked at. That is sound where variadic arguments are passed as others are, as on Linux.
macro_rules! instead_of {
    ($(fn [$($name:ident),+] $arguments:tt -> $result:ty = $body:expr;)+) => {
        $($(instead_of!(@ $name, $arguments, $result, $body);)+)+
    };
    (@ $name:ident, ($($argument:ident: $type:ty),*), $result:ty, $body:expr) => {
        #[unsafe(no_mangle)]
        unsafe extern "C" fn $name($($argument: $type),*) -> $result {
            // SAFETY: whoever calls keeps what the function of that name asks for.
            unsafe { $body }
        }
    };
}

instead_of! {
    fn [open, open64](path: *const c_char, flags: c_int, mode: mode_t) -> c_int = calls::open(AT_FDCWD, path, flags, mode);
    fn [__open_2, __open64_2](path: *const c_char, flags: c_int) -> c_int = calls::open(AT_FDCWD, path, flags, 0);
    fn [openat, openat64](at: c_int, path: *const c_char, flags: c_int, mode: mode_t) -> c_int =
        calls::open(at, path, flags, mode);
    fn [__openat_2, __openat64_2](at: c_int, path: *const c_char, flags: c_int) -> c_int =
        calls::open(at, path, flags, 0);
    fn [creat, creat64](path: *const c_char, mode: mode_t) -> c_int =
        calls::open(AT_FDCWD, path, libc::O_CREAT | libc::O_WRONLY | libc::O_TRUNC, mode);
    fn [close](fd: c_int) -> c_int = calls::close(fd);
    fn [dup](fd: c_int) -> c_int = calls::fcntl(fd, libc::F_DUPFD, 0);
    fn [dup2](fd: c_int, to: c_int) -> c_int = calls::dup2(fd, to);
    fn [dup3](fd: c_int, to: c_int, flags: c_int) -> c_int = calls::dup3(fd, to, flags);
    fn [fcntl, fcntl64](fd: c_int, command: c_int, argument: c_long) -> c_int = calls::fcntl(fd, command, argument);

    fn [write](fd: c_int, data: *const c_void, length: size_t) -> ssize_t = calls::write(fd, data, length);
    fn [pwrite, pwrite64](fd: c_int, data: *const c_void, length: size_t, offset: off_t) -> ssize_t =
        calls::pwrite(fd, data, length, offset);
    fn [writev](fd: c_int, parts: *const iovec, count: c_int) -> ssize_t = calls::writev(fd, parts, count, -1, 0);
    fn [pwritev, pwritev64](fd: c_int, parts: *const iovec, count: c_int, offset: off_t) -> ssize_t =
        calls::writev(fd, parts, count, offset, 0);
    fn [pwritev2, pwritev64v2](fd: c_int, parts: *const iovec, count: c_int, offset: off_t, flags: c_int) -> ssize_t =
        calls::writev(fd, parts, count, offset, flags);
    fn [ftruncate, ftruncate64](fd: c_int, length: off_t) -> c_int = calls::ftruncate(fd, length);
    fn [fallocate, fallocate64](fd: c_int, mode: c_int, offset: off_t, length: off_t) -> c_int =
        calls::fallocate(fd, mode, offset, length);
    fn [posix_fallocate, posix_fallocate64](fd: c_int, offset: off_t, length: off_t) -> c_int =
        match calls::fallocate(fd, 0, offset, length) {
            0 => 0,
            _ => *libc::__errno_location(),
        };
    // Copies inside the kernel are refused; who copies goes on with reads and writes.
    fn [copy_file_range](
        from: c_int, at: *mut off_t, to: c_int, to_at: *mut off_t, length: size_t, flags: c_uint
    ) -> ssize_t = calls::copy_file_range(from, at, to, to_at, length, flags);
    fn [sendfile, sendfile64](to: c_int, from: c_int, at: *mut off_t, length: size_t) -> ssize_t =
        calls::sendfile(to, from, at, length);
    fn [splice](
        from: c_int, at: *mut off_t, to: c_int, to_at: *mut off_t, length: size_t, flags: c_uint
    ) -> ssize_t = calls::splice(from, at, to, to_at, length, flags);

    fn [rename](from: *const c_char, to: *const c_char) -> c_int = calls::rename(AT_FDCWD, from, AT_FDCWD, to, 0);
    fn [renameat](at: c_int, from: *const c_char, to_at: c_int, to: *const c_char) -> c_int =
        calls::rename(at, from, to_at, to, 0);
    fn [renameat2](at: c_int, from: *const c_char, to_at: c_int, to: *const c_char, flags: c_uint) -> c_int =
        calls::rename(at, from, to_at, to, flags);
    fn [link](from: *const c_char, to: *const c_char) -> c_int = calls::link(AT_FDCWD, from, AT_FDCWD, to, 0);
    fn [linkat](at: c_int, from: *const c_char, to_at: c_int, to: *const c_char, flags: c_int) -> c_int =
        calls::link(at, from, to_at, to, flags);
    fn [unlink](path: *const c_char) -> c_int = calls::unlink(AT_FDCWD, path, 0);
    fn [rmdir](path: *const c_char) -> c_int = calls::unlink(AT_FDCWD, path, libc::AT_REMOVEDIR);
    fn [unlinkat](at: c_int, path: *const c_char, flags: c_int) -> c_int = calls::unlink(at, path, flags);
    fn [mkdir](path: *const c_char, mode: mode_t) -> c_int = calls::mkdir(AT_FDCWD, path, mode);
    fn [mkdirat](at: c_int, path: *const c_char, mode: mode_t) -> c_int = calls::mkdir(at, path, mode);
    fn [chmod](path: *const c_char, mode: mode_t) -> c_int = calls::chmod(AT_FDCWD, path, mode);
    fn [fchmodat](at: c_int, path: *const c_char, mode: mode_t, _flags: c_int) -> c_int = calls::chmod(at, path, mode);
    fn [fchmod](fd: c_int, mode: mode_t) -> c_int = calls::fchmod(fd, mode);

    fn [fsync](fd: c_int) -> c_int = calls::sync(fd, libc::SYS_fsync);
    fn [fdatasync](fd: c_int) -> c_int = calls::sync(fd, libc::SYS_fdatasync);
}
