// A log emptied: for one that is derived from another and is to be derived anew.
//
// Invariant: at every moment the directory opens: as the log it was, or as an empty one.

import Disk

extension InferenceLog {
    /// Makes the log in the configuration's directory an empty one. Nobody may have it open.
    ///
    /// The manifest names no segment any more; their files are strays then, which the next opening
    /// removes. A manifest that cannot be read goes last, when it is durable that the files are gone: it
    /// would leave segments that nothing names, and such a directory is refused. Where an interruption left
    /// those, they go too.
    package static func empty(
        _ configuration: LogConfiguration, on files: any FileSystem
    ) throws(LogError) {
        do throws(LogError) {
            guard var manifest = try Manifest.read(configuration, on: files) else {
                return try removeSegments(configuration, on: files)
            }
            manifest.entries = []
            try manifest.replace(configuration, on: files)
        } catch {
            guard case .manifest = error else { throw error }
            try removeSegments(configuration, on: files)
            do throws(DiskError) {
                try files.remove(configuration.path(FileName.manifest))
                try files.syncDirectory(configuration.directory)
            } catch { throw .disk(error) }
        }
    }

    /// Durable when it returns.
    private static func removeSegments(
        _ configuration: LogConfiguration, on files: any FileSystem
    ) throws(LogError) {
        do throws(DiskError) {
            let names: [String]
            do throws(DiskError) { names = try files.list(configuration.directory) } catch {
                guard error.kind == .notFound else { throw error }
                return
            }
            let segments = names.filter { FileName.segmentNumber($0) != nil }
            if segments.isEmpty { return }
            for name in segments { try files.remove(configuration.path(name)) }
            try files.syncDirectory(configuration.directory)
        } catch { throw .disk(error) }
    }
}
