// swift-tools-version: 6.1
// A package of its own, so that the one it depends on builds where GTK is not installed and never asks for it.
import PackageDescription

let package = Package(
  name: "aio-gtk",
  dependencies: [
    .package(name: "AioGSource", path: "../../.."),
    .package(url: "https://github.com/apple/swift-system", from: "1.6.0"),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
  ],
  targets: [
    // Its description passes -pthread and -msse2 on, which SwiftPM warns of and leaves out; nothing here needs them.
    .systemLibrary(name: "CGtk4", pkgConfig: "gtk4", providers: [.apt(["libgtk-4-dev"])]),
    .executableTarget(
      name: "aio-gtk",
      dependencies: [
        "CGtk4",
        .product(name: "AioGSource", package: "AioGSource"),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "SystemPackage", package: "swift-system"),
      ]),
    .testTarget(name: "AioGtkTests", dependencies: ["aio-gtk"]),
  ],
  swiftLanguageModes: [.v6]
)
