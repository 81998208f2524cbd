// GLib's errors in Swift, and Swift's in GLib.

import AioGSource
import CGLib
import Glibc
import SystemPackage
import Testing

extension AllTests {
  @Suite struct GLibErrorTests {
    @Test func itSaysWhatTheErrorSaid() {
      let domain = g_quark_from_string("aio-test-quark")
      let error = g_error_new_literal(domain, 7, "seven")!
      let copied = GLibError(copying: error)
      let taken = GLibError(taking: error)
      #expect(copied == GLibError(domain: "aio-test-quark", code: 7, message: "seven"))
      #expect(taken == copied)
      #expect("\(taken)" == "seven (aio-test-quark, 7)")
    }

    @Test func codesOfGIOAreToldFromOthers() {
      #expect(GLibError(G_IO_ERROR_EXISTS, message: "").ioErrorCode == G_IO_ERROR_EXISTS)
      #expect(GLibError(G_IO_ERROR_CANCELLED, message: "").isCancelled)
      #expect(!GLibError(G_IO_ERROR_FAILED, message: "").isCancelled)
      let other = GLibError(
        domain: "aio-test-quark", code: CInt(G_IO_ERROR_CANCELLED.rawValue), message: "")
      #expect(other.ioErrorCode == nil)
      #expect(!other.isCancelled)
      #expect(GLibError(domain: GLibError.ioDomain, code: -1, message: "").ioErrorCode == nil)
    }

    @Test func aCFunctionsErrorIsThrown() {
      let file = g_file_new_for_path("/nonexistent/file")!
      defer { g_object_unref(file.gobject) }
      #expect { try Self.load(file) } throws: {
        ($0 as? GLibError)?.ioErrorCode == G_IO_ERROR_NOT_FOUND
      }
    }

    @Test func withoutAnErrorTheResultIsReturned() throws {
      let temporary = try TemporaryFile([1, 2, 3])
      let file = g_file_new_for_path(temporary.path)!
      defer { g_object_unref(file.gobject) }
      #expect(try Self.load(file) == [1, 2, 3])
    }

    private static func load(_ file: OpaquePointer) throws(GLibError) -> [UInt8] {
      var contents: UnsafeMutablePointer<CChar>?
      var length: gsize = 0
      let isLoaded = try withGLibError {
        g_file_load_contents(file, nil, &contents, &length, nil, $0)
      }
      #expect(isLoaded != 0)
      defer { g_free(contents) }
      return Array(UnsafeRawBufferPointer(start: contents, count: Int(length)))
    }

    // MARK: The other way

    @Test func theKernelsErrorsBecomeGIOs() {
      let missing = GLibError(Errno.noSuchFileOrDirectory)
      #expect(missing.ioErrorCode == G_IO_ERROR_NOT_FOUND)
      #expect(missing.message == String(cString: g_strerror(ENOENT)))
      #expect(GLibError(Errno.connectionRefused).ioErrorCode == G_IO_ERROR_CONNECTION_REFUSED)
      let call = GLibError(AioError.system(call: "eventfd", .tooManyOpenFiles))
      #expect(call.ioErrorCode == G_IO_ERROR_TOO_MANY_OPEN_FILES)
      #expect(call.message == "eventfd failed: " + String(cString: g_strerror(EMFILE)))
    }

    @Test func allOthersKeepTheirDescription() {
      struct Failure: Error, CustomStringConvertible { let description = "out of luck" }
      let error = GLibError(Failure())
      #expect(error.ioErrorCode == G_IO_ERROR_FAILED)
      #expect(error.message == "out of luck")
      #expect(GLibError(AioError.stopped).message == AioError.stopped.description)
      #expect(GLibError(CancellationError()).isCancelled)
    }

    @Test func anErrorOfGLibsSurvivesTheWayBack() {
      let error = GLibError(domain: "aio-test-quark", code: -3, message: "three")
      #expect(GLibError(error as any Error) == error)
      #expect(GLibError(taking: error.makeGError()) == error)
    }

    @Test func anErrorIsSetWhereOneIsWanted() throws {
      GLibError.set(nil, to: Errno.badAddress)
      var error: UnsafeMutablePointer<GError>?
      GLibError.set(&error, to: Errno.permissionDenied)
      let set = try #require(error)
      #expect(GLibError(taking: set).ioErrorCode == G_IO_ERROR_PERMISSION_DENIED)
    }

    @Test func anErrorOverAnotherTraps() async {
      let result = await #expect(
        processExitsWith: .failure, observing: [\.standardErrorContent]
      ) {
        var error: UnsafeMutablePointer<GError>?
        GLibError.set(&error, to: Errno.badAddress)
        GLibError.set(&error, to: Errno.badAddress)
      }
      expectSentence("a GError was set over another one", in: result)
    }
  }
}
