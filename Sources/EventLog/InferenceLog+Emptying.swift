// A log emptied: for one that is derived from another and is to be derived anew.
//
// Invariant: at every moment the directory opens: as the log it was, or as an empty one.

import Disk

extension InferenceLog {
    /// Makes the log in the configuration's directory an empty one. Nobody may have it open.
    ///
    /// The manifest names no segment any more; their files are strays then, which the next opening
    /// removes. A manifest that cannot be read goes last, so that an interruption changes nothing.
    package static func empty(
        _ configuration: LogConfiguration, on files: any FileSystem
    ) throws(LogError) {
        do throws(LogError) {
            guard var manifest = try Manifest.read(configuration, on: files) else { return }
            manifest.entries = []
            try manifest.replace(configuration, on: files)
        } catch {
            guard case .manifest = error else { throw error }
            do throws(DiskError) {
                for name in try files.list(configuration.directory) where FileName.segmentNumber(name) != nil
                {
                    try files.remove(configuration.path(name))
                }
                try files.remove(configuration.path(FileName.manifest))
                try files.syncDirectory(configuration.directory)
            } catch { throw .disk(error) }
        }
    }
}
