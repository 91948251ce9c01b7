// A folder of a test's own, where a store keeps its files.
//
// Invariant: it is gone when nobody holds it any more, with all that is in it.

import Foundation
import Store

package final class TemporaryFolder: Sendable {
    package let path: String

    package init() throws {
        path = FileManager.default.temporaryDirectory.path + "/assaylog-tests-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// What is in it now, elsewhere: as a power cut would leave it, or a backup find it.
    package func copy() throws -> TemporaryFolder {
        let other = try TemporaryFolder()
        try FileManager.default.removeItem(atPath: other.path)
        try FileManager.default.copyItem(atPath: path, toPath: other.path)
        return other
    }

    /// The names in a directory of it, "" for itself, in order; none where there is no such directory.
    package func names(in directory: String) -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path + "/" + directory)) ?? []).sorted()
    }

    package func remove(_ name: String) throws {
        try FileManager.default.removeItem(atPath: path + "/" + name)
    }

    /// For a store in it.
    package func configuration(runsModels: Bool = false) -> StoreConfiguration {
        var configuration = StoreConfiguration(directory: path)
        // Most tests need no models, and then none must be found by accident.
        if !runsModels { configuration.runtimePlace = "/nowhere/libonnxruntime.so" }
        return configuration
    }
}
