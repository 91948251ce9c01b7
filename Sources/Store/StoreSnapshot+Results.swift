// The results that a snapshot holds: those that a store restored from it could not work out again.
//
//     the copied log ──► decisions of other engine versions, not sealed ──► their results as they are kept
//                        where the copy has damage: all that are not sealed        └──► derived/ of the copy
//
// A result of this engine follows from the log, and a sealed one lies in it: to copy these as well would make a
// backup several times as large as what nobody can make again.
//
// Invariants:
//  * What is held is about decisions up to the snapshot's cut alone: a restored store gives the numbers of later
//    ones to other decisions.
//  * It is read after the log was copied: a decision is durable before its result is kept.
//  * A disk that refuses to show results ends the snapshot; what is damaged is said, and the others are held.
//  * Some megabytes of results are in memory at once, whatever their number.

import Disk
import EventLog
import Segments

extension StoreSnapshot {
    /// Bytes of results that go to disk at once, unless one has more.
    static let resultByteCountAtOnce = 8 << 20

    /// Keeps beside the log as it was copied to `target` what `source` keeps of results that do not follow from it.
    ///
    /// - Parameter damages: of the copied log; gets what is wrong with the results.
    /// - Returns: the names of the files that hold them, durable; none where there are none.
    static func carryResults(
        from source: any FileSystem, to target: any FileSystem, _ damages: inout [String],
        atOnce byteCountMax: Int
    ) throws -> [String] {
        guard try holdsLog(FileName.derivedDirectory, source) else { return [] }
        let log = try InferenceLog.openForReading(on: target, isAlone: true).snapshot
        let decided = try unfollowing(log, isLogWhole: damages.isEmpty)
        if decided?.isEmpty == true { return [] }
        guard let (derived, derivedDamages) = try openDerived(source, &damages) else { return [] }
        let places = InferenceStore.Places()
        let numbers = (decided ?? places.derived.numbers(in: derived)).filter {
            places.derived.holds($0, in: derived) && !places.sealed.holds($0, in: log)
        }
        if numbers.count != decided?.count {
            // Something is missing, perhaps because it is not seen.
            damages += derivedDamages.map { "of results that cannot be worked out again, \($0)" }
        }
        guard !numbers.isEmpty else { return [] }
        var configuration = LogConfiguration()
        configuration.directory = FileName.derivedDirectory
        configuration.reserveByteCount = 0
        try InferenceLog.succeed(configuration, on: target) { successor in
            var (waiting, waitingByteCount, damagedCount) = ([AppendItem](), 0, 0)
            for number in numbers.sorted() {
                guard let document = try places.derived.documentUnlessRefused(number, in: derived) else {
                    damagedCount += 1
                    continue
                }
                waiting.append(.event(Event(name: places.derived.name(of: number), document: document)))
                waitingByteCount += document.count
                if waitingByteCount >= byteCountMax {
                    try successor.append(waiting)
                    (waiting, waitingByteCount) = ([], 0)
                }
            }
            if !waiting.isEmpty { try successor.append(waiting) }
            if damagedCount > 0 {
                damages.append(
                    "\(FileName.derivedDirectory): \(damagedCount) result\(damagedCount == 1 ? "" : "s") that "
                        + "cannot be worked out again \(damagedCount == 1 ? "is" : "are") damaged, and not copied"
                )
            }
        }
        return try target.list(FileName.derivedDirectory).filter(FileName.isLogFile).sorted()
            .map { FileName.path($0, in: FileName.derivedDirectory) }
    }

    private static func holdsLog(_ directory: String, _ files: any FileSystem) throws -> Bool {
        do throws(DiskError) { return try files.list(directory).contains(where: FileName.isLogFile) } catch {
            guard error.kind == .notFound else { throw error }
            return false
        }
    }

    /// The numbers of results that do not follow from a log; nil where its events do not tell.
    private static func unfollowing(_ log: LogSnapshot, isLogWhole: Bool) throws -> Set<Int>? {
        let folded: InferenceStore.Folded
        do { folded = try InferenceStore.fold(log) } catch let error as SegmentError where error.isRefusal {
            throw error
        } catch { return nil }
        let view = StoreView(snapshot: log, folded: folded, derived: nil, sources: SystemSources())
        return isLogWhole ? view.otherEngineNumbers() : view.unsealedNumbers()
    }

    /// The results of a data directory, and what of them is not seen; nil where all of it is damaged.
    private static func openDerived(
        _ source: any FileSystem, _ damages: inout [String]
    ) throws -> (LogSnapshot, damages: [String])? {
        var configuration = LogConfiguration()
        configuration.directory = FileName.derivedDirectory
        do throws(LogError) {
            // Refused by the disk rather than told of damage that is none.
            let (derived, report) = try InferenceLog.openForReading(configuration, on: source, isAlone: true)
            return (derived, report.damages)
        } catch {
            guard case .manifest = error else { throw error }
            damages.append("results that cannot be worked out again are not copied: \(error)")
            return nil
        }
    }
}
