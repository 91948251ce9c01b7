// Room on the disk that is kept for what frees room: a file that is given up for it, and made again.
//
//     whole ── a deletion finds the disk full ──► given up ── there is room again ──► whole
//              (the file is removed)              records are refused meanwhile, events are not
//
// Invariants:
//  * While the reserve is given up, no record is taken: what it gave goes to tombstones, settings, the manifest
//    and segments made anew, and appends do not fill the disk again before it is whole.
//  * The file holds nothing: it may be removed, cut or copied by anybody, and is made again when the log is opened.
//  * It is not made again while something that frees room is under way.

import Disk
import Synchronization

/// The reserve of one log, for any thread. `InferenceLog.freeingRoom` makes use of it.
package final class LogReserve: Sendable {
    private enum State {
        case whole
        /// There is none, and nobody waits for one: none is wanted, or the disk failed in another way.
        case none
        /// Given up, or never made for want of room.
        case givenUp
    }

    private struct Guarded {
        var state = State.none
        /// What frees room and is under way.
        var userCount = 0
    }

    private let files: any FileSystem
    private let name: String
    private let byteCount: Int
    private let guarded = Mutex(Guarded())

    /// Makes the file where it is not there.
    init(_ configuration: LogConfiguration, on files: any FileSystem) {
        self.files = files
        name = configuration.path(FileName.reserve)
        byteCount = configuration.reserveByteCount
        guard byteCount > 0 else { return }
        let found: Int?
        do throws(DiskError) { found = try files.open(name).byteCount } catch { found = nil }
        if found == byteCount {
            guarded.withLock { $0.state = .whole }
            return
        }
        do throws(DiskError) {
            try make()
            guarded.withLock { $0.state = .whole }
        } catch {
            guarded.withLock { $0.state = error.kind == .outOfSpace ? .givenUp : .none }
        }
    }

    /// Why records are refused; nil while the reserve is whole, or there is none.
    var refusal: LogError? {
        guard guarded.withLock({ $0.state == .givenUp }) else { return nil }
        return .disk(
            DiskError(
                kind: .outOfSpace, operation: "append", file: name,
                reason: "the disk is full, and the room that is left is kept for what frees some"))
    }

    /// Removes the file.
    ///
    /// - Returns: whether that gave room.
    func giveUp() -> Bool {
        guard guarded.withLock({ $0.state == .whole }) else { return false }
        do throws(DiskError) { try files.remove(name) } catch {
            if error.kind != .notFound { return false }
        }
        guarded.withLock { $0.state = .givenUp }
        return true
    }

    /// Makes the file again, if it was given up and nobody uses the room.
    ///
    /// - Throws: why not.
    func restore() throws(LogError) {
        guard let refusal else { return }
        if guarded.withLock({ $0.userCount > 0 }) { throw refusal }
        do throws(DiskError) { try make() } catch { throw .disk(error) }
        guarded.withLock { $0.state = .whole }
    }

    /// Keeps the room open until `end`.
    func begin() { guarded.withLock { $0.userCount += 1 } }

    func end() { guarded.withLock { $0.userCount -= 1 } }

    /// Not durable, and need not be. Bytes that no file system makes smaller or leaves out.
    private func make() throws(DiskError) {
        do throws(DiskError) { try files.remove(name) } catch {
            if error.kind != .notFound { throw error }
        }
        var word: UInt64 = 0x9E37_79B9_7F4A_7C15
        let bytes = (0..<byteCount).map { _ in
            word ^= word << 13
            word ^= word >> 7
            word ^= word << 17
            return UInt8(truncatingIfNeeded: word)
        }
        do throws(DiskError) {
            let file = try files.create(name)
            try file.append(bytes)
            // Only then does every file system know whether it has the room.
            try file.sync()
        } catch {
            do throws(DiskError) { try files.remove(name) } catch {}
            throw error
        }
    }
}

extension InferenceLog {
    /// Carries out what lets things go, also where the disk is full: the reserve is given up for it then, and
    /// `body` carried out anew.
    ///
    /// - Parameter body: may be carried out twice.
    package func freeingRoom<Value>(
        isolation: isolated (any Actor)? = #isolation, _ body: () async throws -> Value
    ) async throws -> Value {
        reserve.begin()
        defer { reserve.end() }
        do { return try await body() } catch let error as LogError where error.isOutOfSpace {
            guard try await queue.giveUpReserve() else { throw error }
            return try await body()
        }
    }
}
