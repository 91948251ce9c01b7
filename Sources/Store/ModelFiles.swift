// Uploaded models, kept by the SHA-256 of their bytes, and the sessions that run them.
//
//     upload-<uuid>      while it is being received and checked
//     <sha256>           from then on; never changed
//
// Invariants:
//  * A file under a model's name holds exactly the bytes of that hash. It is durable once a `keep` of it returned;
//    where that threw, it may lie there and not be. The next `keep` puts its own file in its place and syncs
//    both directories, whatever lies there, so that it need not know.
//  * An upload that ends early, is too large or is no model leaves no file.
//  * A model is loaded at most once at a time, and shared.
//  * What is loaded of a kept model are the bytes of its hash: they are compared before each loading. A file that is
//    gone, unreadable or changed is a fault of this side (`ModelFileError`), and no question's.

import Bytes
import Disk
import EventLog
import Serving
import Synchronization

/// A kept model's file is not as it was kept, which is to be mended where it lies.
package struct ModelFileError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Within the data directory.
    package var file: String
    /// What is wrong, as a predicate of the file.
    package var problem: String
    /// What to do about it.
    package var remedy: String
    /// Whether nobody was told of it yet.
    package internal(set) var isNews = true

    package var description: String { "\(file) \(problem); \(remedy)" }

    private static let anew = "restore the file from a backup, or upload the same model again"

    /// Of a file whose bytes have this hash instead of the one that names it.
    package init(_ file: String, hash: String) {
        (self.file, problem, remedy) = (file, ModelFileError.otherBytes(hash), ModelFileError.anew)
    }

    /// Of a file that the disk does not show.
    package init(_ file: String, _ error: DiskError) {
        self.file = file
        switch error.kind {
        case .notFound: (problem, remedy) = (ModelFileError.absent, ModelFileError.anew)
        case .denied:
            problem = "cannot be read: \(error.reason)"
            remedy = "give the user that the server runs as the right to it"
        default:
            problem = "cannot be read: \(error.reason)"
            remedy = "ask again, and where it stays so, \(ModelFileError.anew)"
        }
    }

    /// The problem of a file that is not there.
    static let absent = "is missing, and the catalogue has a model of it"

    /// The problem of a file whose bytes have this hash.
    static func otherBytes(_ hash: String) -> String {
        "holds other bytes than its name says: their hash is \(hash)"
    }
}

extension SHA256 {
    /// The digest of a file, which is read in pieces.
    ///
    /// - Parameter visit: called with each piece, once it was read.
    static func hexDigest(
        of file: any ReadableFile, _ visit: (_ piece: [UInt8]) -> Void = { _ in }
    ) throws(DiskError) -> String {
        let end = try file.byteCount
        var hash = SHA256()
        var offset = 0
        while offset < end {
            let piece = try file.read(at: offset, byteCount: min(1 << 20, end - offset))
            piece.withUnsafeBytes { hash.update($0) }
            offset += piece.count
            visit(piece)
        }
        return hash.hexDigest()
    }
}

/// The folder of uploaded models, and those of them that are loaded.
package final class ModelFiles: Sendable {
    private let files: any FileSystem
    private let root: String
    private let byteCountMax: Int
    /// Opened by the first upload or inference.
    package let runtime: DeferredRuntime
    private let sessions = Mutex<[String: ModelSession]>([:])
    /// What is wrong with which models' files, as it was told. Every question of such a model finds it anew.
    private let told = Mutex<[String: String]>([:])
    /// How many kept models were loaded. Held while one is, so that many first questions at once load
    /// it once.
    let loadCount = Mutex(0)

    /// Makes the folder where there is none, and removes uploads that an earlier process did not finish.
    package init(
        files: any FileSystem, root: String, byteCountMax: Int, runtime: DeferredRuntime
    ) throws(DiskError) {
        self.files = files
        self.root = root
        self.byteCountMax = byteCountMax
        self.runtime = runtime
        let names: [String]
        do throws(DiskError) { names = try files.list(FileName.modelDirectory) } catch {
            // As a rule it is not there.
            try files.createDirectory(FileName.modelDirectory)
            names = try files.list(FileName.modelDirectory)
        }
        // What an earlier process did not finish receiving.
        for name in names where FileName.isModelUpload(name) {
            try files.remove(FileName.model(name))
        }
    }

    /// A model being received, piece by piece.
    package final class Upload {
        private let owner: ModelFiles
        private let name: String
        private let file: any WritableFile
        private var hash = SHA256()
        /// Bytes that came so far.
        package private(set) var byteCount = 0
        private var isKept = false

        fileprivate init(owner: ModelFiles, uuid: String) throws(DiskError) {
            self.owner = owner
            name = FileName.modelUpload(uuid)
            file = try owner.files.create(name)
        }

        deinit {
            // Not kept, for whatever reason: nothing is left of it.
            if !isKept { do { try owner.files.remove(name) } catch {} }
        }

        /// Takes the next bytes. Throws a refusal where the file becomes longer than models may be; then the upload
        /// is to be dropped.
        package func append(_ bytes: [UInt8]) throws {
            byteCount += bytes.count
            guard byteCount <= owner.byteCountMax else {
                throw StoreRefusal(.tooLarge, "a model file is limited to \(owner.byteCountMax) bytes")
            }
            try onDisk { () throws(DiskError) in try file.append(bytes) }
            bytes.withUnsafeBytes { hash.update($0) }
        }

        /// Checks the model and keeps it. When it returns, the file is durable under its hash.
        /// - Returns: the hash, and what the model takes and gives, where a runtime could tell.
        package func keep() throws -> (sha256: String, signature: ModelSignature?) {
            try onDisk { () throws(DiskError) in try file.sync() }
            let sha256 = hash.hexDigest()
            var session: ModelSession?
            if let runtime = try? owner.runtime.get() {
                session = try owner.load(runtime, name)
            }
            try onDisk { () throws(DiskError) in
                try owner.files.rename(name, to: FileName.model(sha256))
                isKept = true
                // Also where the name was there: its directory's sync may have failed, perhaps before a restart.
                try owner.files.syncDirectory(FileName.modelDirectory)
                // And the directory's own, which whoever made it may have failed at, or been cut short.
                try owner.files.syncDirectory("")
            }
            owner.told.withLock { $0[sha256] = nil }
            if let session { owner.sessions.withLock { $0[sha256] = session } }
            return (sha256, session?.signature)
        }
    }

    /// Begins a file that goes with the upload, unless that is kept. `uuid` is of this upload alone.
    package func beginUpload(uuid: String) throws -> Upload {
        try onDisk { () throws(DiskError) in try Upload(owner: self, uuid: uuid) }
    }

    /// The session of a kept model, loaded at first use.
    ///
    /// - Throws: `ModelFileError` where its file is not what was kept, `ServingError` where that is not run.
    package func session(sha256: String) throws -> ModelSession {
        if let known = sessions.withLock({ $0[sha256] }) { return known }
        let runtime = try runtime.get()
        return try loadCount.withLock { count throws(any Error) in
            if let known = sessions.withLock({ $0[sha256] }) { return known }
            // Scores are logged under this hash: they must be of these bytes.
            try requireWhole(sha256)
            count += 1
            let session = try load(runtime, FileName.model(sha256))
            sessions.withLock { $0[sha256] = session }
            return session
        }
    }

    /// Refuses a kept model whose file is not what was kept.
    package func requireWhole(_ sha256: String) throws(ModelFileError) {
        do throws(ModelFileError) { try compare(sha256) } catch {
            var error = error
            error.isNews = told.withLock { $0.updateValue(error.problem, forKey: sha256) } != error.problem
            throw error
        }
        told.withLock { $0[sha256] = nil }
    }

    private func compare(_ sha256: String) throws(ModelFileError) {
        let name = FileName.model(sha256)
        let found: String
        do throws(DiskError) { found = try SHA256.hexDigest(of: try files.open(name)) } catch {
            throw ModelFileError(name, error)
        }
        guard found == sha256 else { throw ModelFileError(name, hash: found) }
    }

    /// Frees what models that are not deployed hold in memory.
    package func forget(except kept: Set<String>) {
        sessions.withLock { table in table = table.filter { kept.contains($0.key) } }
    }

    private func load(_ runtime: ModelRuntime, _ name: String) throws(ServingError) -> ModelSession {
        let path = root + "/" + name
        do throws(ServingError) { return try ModelSession(runtime: runtime, path: path) } catch {
            // The runtime names the file by its path here, which is nobody's business outside.
            if case .invalidModel(let reason) = error {
                throw .invalidModel(reason: reason.replacing(path, with: "the file"))
            }
            throw error
        }
    }
}

/// A disk that refuses a model is said as where it refuses records: it is the same disk.
private func onDisk<Value>(_ body: () throws(DiskError) -> Value) throws(LogError) -> Value {
    do { return try body() } catch { throw .disk(error) }
}
