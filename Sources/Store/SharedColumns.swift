// The columns of a run, or of an assay, over many paths: what several of them read is read once.
//
// Invariant: the values are those that the view answers for each path by itself.

import Assays
import EventLog
import Queries
import Records
import Synchronization

final class SharedColumns: Sendable {
    private let view: StoreView
    /// The last commit that counts; nil for all.
    private let cut: CommitNumber?
    /// One scan for each period of each pipeline, model and set of partitions.
    private let scans = Mutex<[WindowQuery: SharedColumnScan]>([:])

    /// Any path will do where scans are told apart.
    private static let anyPath: IOPath = {
        guard let path = try? IOPath(parsing: "input any") else { preconditionFailure("A path.") }
        return path
    }()

    init(_ view: StoreView, cut: CommitNumber? = nil) {
        self.view = view
        self.cut = cut
    }

    func values(of spec: AssayWindowSpec, in period: TimeWindow) throws -> ColumnValues {
        try scan(of: spec, in: period).values(spec.path)
    }

    /// Lets the scans go that were made so far.
    func forget() { scans.withLock { $0 = [:] } }

    /// The scan of the records that `spec` means in a period, whatever its path.
    func scan(of spec: AssayWindowSpec, in period: TimeWindow) throws -> SharedColumnScan {
        let scope = try view.scope(of: spec, cut: cut)
        let query = WindowQuery(
            topic: scope.topic, window: period, path: Self.anyPath, filter: scope.filter, cut: cut)
        // Made under the lock: whoever wants the same one waits for it instead of making it too.
        return try scans.withLock { scans in
            if let scan = scans[query] { return scan }
            let scan = try SharedColumnScan(view.snapshot, query)
            scans[query] = scan
            return scan
        }
    }
}
