// How a context comes to its engines: made when first asked for, each once. Home thread. Contract 2.6.

import CLiburing
import SystemPackage

extension AioContext {
  /// The context's I/O as a whole, made when first asked for.
  private var contextIO: ContextIO {
    if let loopIO { return unsafeDowncast(loopIO, to: ContextIO.self) }
    let io = ContextIO(context: self, kernel: kernel)
    loopIO = io
    return io
  }

  /// The best engine that can be had: io_uring, else Linux AIO, else threads; ``AIOEngine/kind`` tells which it is.
  ///
  /// Home thread, which the calling thread becomes if there is none.
  public var io: AIOEngine {
    requireHome()
    let all = contextIO
    if let automatic = all.automatic { return automatic }
    for kind in AIOEngine.Kind.allCases {
      if let engine = try? all.engine(kind) {
        all.automatic = engine
        return engine
      }
    }
    preconditionFailure("the threads engine is always to be had")
  }

  /// This engine. Several may be in use on one context.
  ///
  /// Home thread, which the calling thread becomes if there is none.
  ///
  /// - Throws: ``AioError/engineUnavailable(_:_:)`` where it cannot be had here; asking again later is fine.
  public func engine(_ kind: AIOEngine.Kind) throws(AioError) -> AIOEngine {
    requireHome()
    return try contextIO.engine(kind)
  }

  /// Makes the io_uring engine, if it is not there yet. Home thread.
  ///
  /// - Throws: ``AioError/engineUnavailable(_:_:)``.
  ///
  /// Stands for `aio_setup_linux_io_uring`.
  @discardableResult
  public func setUpIOURing() throws(AioError) -> AIOEngine {
    try engine(.ioURing)
  }

  /// The io_uring engine, which was set up before. Home thread. Stands for `aio_get_linux_io_uring`.
  public var ioURing: AIOEngine { existing(.ioURing, "setUpIOURing()") }

  /// Makes the Linux AIO engine, if it is not there yet. Home thread.
  ///
  /// - Throws: ``AioError/engineUnavailable(_:_:)``.
  ///
  /// Stands for `aio_setup_linux_aio`.
  @discardableResult
  public func setUpLinuxAIO() throws(AioError) -> AIOEngine {
    try engine(.linuxAIO)
  }

  /// The Linux AIO engine, which was set up before. Home thread. Stands for `aio_get_linux_aio`.
  public var linuxAIO: AIOEngine { existing(.linuxAIO, "setUpLinuxAIO()") }

  private func existing(_ kind: AIOEngine.Kind, _ setUp: String) -> AIOEngine {
    requireHome()
    guard let engine = contextIO.engines.first(where: { $0.kind == kind }) else {
      preconditionFailure("the \(kind) engine of AioContext '\(name)' is there after \(setUp)")
    }
    return engine
  }

  /// The context's thread pool, made when first asked for. Home thread. Stands for `aio_get_thread_pool`.
  public var threadPool: ThreadPool {
    requireHome()
    let all = contextIO
    if let pool = all.threadPoolIfMade { return pool }
    let pool = ThreadPool(io: all)
    all.threadPoolIfMade = pool
    return pool
  }
}

extension ContextIO {
  func engine(_ kind: AIOEngine.Kind) throws(AioError) -> AIOEngine {
    if let engine = engines.first(where: { $0.kind == kind }) { return engine }
    let engine: AIOEngine
    do {
      engine = AIOEngine(kind: kind, io: self, backend: try makeBackend(kind))
    } catch {
      throw .engineUnavailable(kind, error)
    }
    engines.append(engine)
    return engine
  }

  private func makeBackend(_ kind: AIOEngine.Kind) throws(Errno) -> Backend {
    switch kind {
    case .threads: return threadBackend
    case .linuxAIO:
      let backend = try LinuxAIOBackend(io: self)
      add(backend)
      linuxAIOBackend = backend
      return backend
    case .ioURing:
      let shared = context._withUnsafeGuaranteedRef { ($0.activeMonitor as? RingMonitor)?.ring }
      let ring: Ring
      if let shared {
        ring = shared
      } else {
        ring = try Ring.make(kernel: kernel)
      }
      let backend = RingBackend(io: self, ring: ring, isShared: shared != nil)
      add(backend)
      ringBackend = backend
      if shared == nil { context._withUnsafeGuaranteedRef { $0.wantRing() } }
      return backend
    }
  }
}
