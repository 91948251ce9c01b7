// The opened library: its table, its environment, and what may be done with a status.
//
// Invariants:
//  * Once opened the library stays in the process for good. It starts threads and registers exit
//    handlers of its own, so it is never safe to unload; opening it again is nearly free.
//  * The environment outlives every object made in it: each `RuntimeObject` holds the library.
//  * No status leaks: whoever reads one releases it, and `check` sees all but the first.

import Glibc

/// ONNX Runtime, loaded into this process.
///
/// `@unchecked Sendable` because all stored properties are constants, and the runtime promises that
/// an environment and its table may be used by many threads at once.
final class OnnxRuntimeLibrary: @unchecked Sendable {
    let table: OnnxRuntimeTable
    let environment: OpaquePointer
    /// As the library says it: "1.32.0".
    let version: String

    /// Takes over `environment`, which was made by `table`.
    init(table: OnnxRuntimeTable, environment: OpaquePointer, version: String) {
        self.table = table
        self.environment = environment
        self.version = version
    }

    /// Opens the library at `path` (a bare file name is looked for where the system keeps
    /// libraries). The error is the reason in words, for the list of what was tried.
    convenience init(path: String) throws(OpeningFailure) {
        guard let handle = dlopen(path, RTLD_NOW | RTLD_LOCAL) else {
            throw OpeningFailure(reason: dlerror().map { String(cString: $0) } ?? "not loaded")
        }
        guard let entry = dlsym(handle, "OrtGetApiBase") else {
            dlclose(handle)
            throw OpeningFailure(reason: "is a library, but not ONNX Runtime")
        }
        // The base is two function pointers: the table for a version, and the library's version.
        typealias GetBase = @convention(c) () -> UnsafePointer<UnsafeRawPointer?>
        typealias GetTable = @convention(c) (UInt32) -> UnsafePointer<UnsafeRawPointer?>?
        typealias GetVersion = @convention(c) () -> UnsafePointer<CChar>
        let base = unsafeBitCast(entry, to: GetBase.self)()
        guard let getTable = base[0], let getVersion = base[1],
            let slots = unsafeBitCast(getTable, to: GetTable.self)(
                OnnxRuntimeNumber.interfaceVersion)
        else { throw OpeningFailure(reason: "has no interface of version 1") }
        let table = OnnxRuntimeTable(slots: slots)

        var environment: OpaquePointer?
        if let status = table.createEnvironment(
            OnnxRuntimeNumber.severityFatal, "assaylog", &environment)
        {
            throw OpeningFailure(reason: table.reason(releasing: status))
        }
        guard let environment else { throw OpeningFailure(reason: "made no environment") }
        self.init(
            table: table, environment: environment,
            version: String(cString: unsafeBitCast(getVersion, to: GetVersion.self)()))
    }

    deinit { table.releaseEnvironment(environment) }

    /// Throws what `status` says, if it says anything, and releases it.
    func check(_ status: OpaquePointer?) throws(ServingError) {
        if let status { throw .runtime(reason: table.reason(releasing: status)) }
    }

    /// The object that `make` puts into its argument, owned.
    func make(
        releasedBy release: OnnxRuntimeTable.Release,
        _ make: (UnsafeMutablePointer<OpaquePointer?>) -> OpaquePointer?
    ) throws(ServingError) -> RuntimeObject {
        var created: OpaquePointer?
        try check(make(&created))
        guard let created else { throw .runtime(reason: "succeeded, but returned nothing") }
        return RuntimeObject(created, in: self, releasedBy: release)
    }
}

/// Why a library could not be opened, in words.
struct OpeningFailure: Error {
    let reason: String
}

/// An object of the runtime's that is ours to release, once, when this goes out of scope.
///
/// A value that cannot be copied lives to the end of its scope, not only to its last use, so
/// `pointer` may be handed about within that scope. It holds the library, and so the environment:
/// a struct's `deinit` runs before its members are let go, so the environment is still there when
/// the object is released.
struct RuntimeObject: ~Copyable {
    let pointer: OpaquePointer
    private let library: OnnxRuntimeLibrary
    private let release: OnnxRuntimeTable.Release

    init(
        _ pointer: OpaquePointer, in library: OnnxRuntimeLibrary,
        releasedBy release: OnnxRuntimeTable.Release
    ) {
        self.pointer = pointer
        self.library = library
        self.release = release
    }

    deinit { release(pointer) }
}

/// The values of one run, in the model's order: places first, values as they come. Those that came
/// are released together, also when the run stops half way.
struct RuntimeValues: ~Copyable {
    /// `count` places, each empty or a value that is ours.
    let places: UnsafeMutablePointer<OpaquePointer?>
    let count: Int
    private let library: OnnxRuntimeLibrary

    init(count: Int, in library: OnnxRuntimeLibrary) {
        places = .allocate(capacity: count)
        places.initialize(repeating: nil, count: count)
        self.count = count
        self.library = library
    }

    deinit {
        for position in 0..<count {
            if let value = places[position] { library.table.releaseValue(value) }
        }
        places.deallocate()
    }
}
