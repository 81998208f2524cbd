// O_DIRECT by its name, which swift-system does not have and Swift's Glibc module hides.

import CLiburing
import SystemPackage

extension FileDescriptor.OpenOptions {
  /// Transfers go past the page cache, straight between the disk and the buffer: ``AIOBuffer`` is aligned for it, offset and
  /// length have to be too. A file system that cannot refuses to open the file: `Errno.invalidArgument`.
  ///
  /// The corresponding C constant is `O_DIRECT`.
  public static var direct: FileDescriptor.OpenOptions {
    FileDescriptor.OpenOptions(rawValue: CInt(AIOGS_O_DIRECT))
  }
}
