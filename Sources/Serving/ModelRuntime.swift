// Finds ONNX Runtime, or says precisely where it looked.
//
// Storing, querying and assaying need no runtime; only serving a model does. So the library is not
// linked but opened when asked for, and its absence is an error with a remedy, not a failed start.
//
// Invariants:
//  * Who names a place gets that place or an error. An explicit path is never passed over for the
//    environment's, nor the environment's for a default: the operator would run another version
//    than the one asked for and not know it.
//  * `libraryUnavailable` lists every place that was tried, in order, each with its reason.

import Glibc

/// ONNX Runtime, ready to load models. One a process is enough; it is shared freely.
package final class ModelRuntime: Sendable {
    /// The environment variable that names the library.
    package static let environmentName = "ASSAYLOG_ONNXRUNTIME"

    /// The file that was opened.
    package let path: String
    let library: OnnxRuntimeLibrary

    /// As the library says it: "1.32.0".
    package var version: String { library.version }

    /// Opens the library named by `explicit`, else by `environment`, else the first of `defaults`
    /// that opens.
    ///
    /// A place is the library's file; or a folder that holds it, itself or under
    /// `onnxruntime/capi` as a Python package does; or a bare name such as `libonnxruntime.so.1`,
    /// which is looked for where the system keeps libraries. Throws `libraryUnavailable`.
    /// Costs some 70 ms the first time: the library is large.
    package init(
        explicit: String? = nil,
        environment: String? = ModelRuntime.environmentPlace(),
        defaults: [String] = []
    ) throws(ServingError) {
        let places: [(place: String, source: String)] =
            if let explicit {
                [(explicit, "as configured")]
            } else if let environment {
                [(environment, Self.environmentName)]
            } else {
                defaults.map { ($0, "default") }
            }
        var tried: [LibraryAttempt] = []
        for (place, source) in places {
            do {
                let path = try Self.file(at: place)
                library = try OnnxRuntimeLibrary(path: path)
                self.path = path
                return
            } catch {
                tried.append(LibraryAttempt(place: "\(place) (\(source))", reason: error.reason))
            }
        }
        throw .libraryUnavailable(tried: tried)
    }

    /// What the environment names, if anything. An empty text names nothing.
    package static func environmentPlace() -> String? {
        guard let value = getenv(environmentName), value.pointee != 0 else { return nil }
        return String(cString: value)
    }

    /// The path to open for `place`.
    private static func file(at place: String) throws(OpeningFailure) -> String {
        var status = stat()
        guard stat(place, &status) == 0 else {
            // Not a path here; a bare name may still be a library that the system knows.
            if !place.contains("/") && !place.isEmpty { return place }
            throw OpeningFailure(reason: String(cString: strerror(errno)))
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            // A bare name means a search to `dlopen`; this one is a file of the working folder.
            return place.contains("/") ? place : "./" + place
        }
        for folder in [place, place + "/onnxruntime/capi"] {
            if let name = latestLibrary(in: folder) { return folder + "/" + name }
        }
        throw OpeningFailure(
            reason: "has no libonnxruntime.so, neither itself nor in onnxruntime/capi")
    }

    /// The library's file of the highest version in `folder`.
    private static func latestLibrary(in folder: String) -> String? {
        guard let listing = opendir(folder) else { return nil }
        defer { closedir(listing) }
        var latest: (name: String, version: [Int])?
        while let entry = readdir(listing) {
            let name = withUnsafeBytes(of: &entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard let version = libraryVersion(inFileName: name) else { continue }
            if let latest, version.lexicographicallyPrecedes(latest.version) { continue }
            latest = (name, version)
        }
        return latest?.name
    }

    /// [1, 32, 0] for "libonnxruntime.so.1.32.0", empty for "libonnxruntime.so", nil for others.
    static func libraryVersion(inFileName name: String) -> [Int]? {
        let stem = "libonnxruntime.so"
        guard name.hasPrefix(stem) else { return nil }
        let rest = name.dropFirst(stem.count)
        if rest.isEmpty { return [] }
        guard rest.first == "." else { return nil }
        var version: [Int] = []
        for part in rest.dropFirst().split(separator: ".", omittingEmptySubsequences: false) {
            guard let number = Int(part) else { return nil }
            version.append(number)
        }
        return version
    }
}
