// Invariants checked: those at the head of ModelFiles.swift, in that order.

import Bytes
import Disk
import EventLog
import Foundation
import Serving
import Simulation
import StoreSupport
import Synchronization
import TestSupport
import Testing

@testable import Store

@Suite("Models on disk")
struct ModelFilesTests {
    /// Where nothing can be checked, everything is kept as it comes.
    static let noRuntime = Result<ModelRuntime, ServingError>.failure(.libraryUnavailable(tried: []))

    static func files(
        _ folder: TemporaryFolder, byteCountMax: Int = 1 << 20,
        runtime: Result<ModelRuntime, ServingError> = noRuntime
    ) throws -> ModelFiles {
        try ModelFiles(
            files: PosixFileSystem(root: folder.path), root: folder.path, byteCountMax: byteCountMax,
            runtime: DeferredRuntime { runtime })
    }

    static func keep(_ bytes: [UInt8], _ files: ModelFiles, uuid: String = "u", pieces: Int = 3) throws
        -> String
    {
        let upload = try files.beginUpload(uuid: uuid)
        for start in stride(from: 0, to: bytes.count, by: max(1, bytes.count / pieces)) {
            try upload.append(Array(bytes[start..<min(bytes.count, start + max(1, bytes.count / pieces))]))
        }
        return try upload.keep().sha256
    }

    @Test("a kept model lies under the hash of exactly its bytes")
    func keptByHash() throws {
        let folder = try TemporaryFolder()
        let bytes = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let sha256 = try Self.keep(bytes, try Self.files(folder))
        #expect(sha256 == SHA256.hexDigest(bytes))
        #expect(folder.names(in: "models") == [sha256])
        #expect(FileManager.default.contents(atPath: "\(folder.path)/models/\(sha256)") == Data(bytes))
    }

    @Test("the same model uploaded again is the same file")
    func keptAgain() throws {
        let folder = try TemporaryFolder()
        let files = try Self.files(folder)
        let first = try Self.keep([1, 2, 3], files, uuid: "a")
        #expect(try Self.keep([1, 2, 3], files, uuid: "b") == first)
        #expect(folder.names(in: "models") == [first])
    }

    //  disk       … one operation of the first keep fails …       the power goes: nothing unsynced stays
    //  keep             a throws                     b returns
    @Test(
        "a keep that returns after one that failed is durable, also behind a restart",
        arguments: [false, true])
    func keptAfterFailure(restarts: Bool) throws {
        func files(_ disk: SimulatedFileSystem) throws -> ModelFiles {
            try ModelFiles(
                files: disk, root: "", byteCountMax: 1 << 20, runtime: DeferredRuntime { Self.noRuntime })
        }
        let bytes: [UInt8] = [1, 2, 3]
        var (failing, stayed) = (0, 0)
        while true {
            let disk = SimulatedFileSystem()
            var models = try files(disk)
            disk.setPlan(SimulatedFileSystem.FaultPlan(failAtOperation: disk.operationCount + failing))
            let upload = try? Self.keep(bytes, models, uuid: "a", pieces: 1)
            disk.setPlan(SimulatedFileSystem.FaultPlan())
            if upload != nil { break }
            let name = "models/" + SHA256.hexDigest(bytes)
            if disk.bytes(of: name) != nil { stayed += 1 }
            if restarts { models = try files(disk) }
            _ = try Self.keep(bytes, models, uuid: "b", pieces: 1)
            disk.crash { $0.lowerBound }
            #expect(disk.bytes(of: name) == bytes, "operation \(failing) failed")
            failing += 1
        }
        // Made, written, synced, renamed, and the directories' syncs: what one of those failed for lay there.
        #expect(failing == 6 && stayed == 2)
    }

    @Test("a folder whose name cannot be made durable takes no model; once it can, what it takes stays")
    func folderName() throws {
        for failing in 0..<2 {
            let disk = SimulatedFileSystem()
            func files() throws -> ModelFiles {
                try ModelFiles(
                    files: disk, root: "", byteCountMax: 1 << 20, runtime: DeferredRuntime { Self.noRuntime })
            }
            var plan = SimulatedFileSystem.FaultPlan()
            plan.failAtOperation = disk.operationCount + failing
            disk.setPlan(plan)
            #expect(throws: DiskError.self) { try files() }
            let sha256 = try Self.keep([1, 2, 3], try files(), pieces: 1)
            disk.crash { $0.lowerBound }
            #expect(disk.bytes(of: "models/" + sha256) == [1, 2, 3], "operation \(failing) failed")
        }
    }

    @Test("an upload that is let go leaves no file")
    func letGo() throws {
        let folder = try TemporaryFolder()
        let files = try Self.files(folder)
        do {
            let upload = try files.beginUpload(uuid: "u")
            try upload.append([1, 2, 3])
            #expect(folder.names(in: "models") == ["upload-u"])
        }
        #expect(folder.names(in: "models") == [])
    }

    @Test("an upload past the limit is refused at the byte that passes it, and leaves no file")
    func tooLarge() throws {
        let folder = try TemporaryFolder()
        let files = try Self.files(folder, byteCountMax: 8)
        do {
            let upload = try files.beginUpload(uuid: "u")
            try upload.append([UInt8](repeating: 1, count: 8))
            #expect(throws: StoreRefusal(.tooLarge, "a model file is limited to 8 bytes")) {
                try upload.append([1])
            }
        }
        #expect(folder.names(in: "models") == [])
    }

    @Test("what an earlier process did not finish receiving is cleared away; its models stay")
    func leftovers() throws {
        let folder = try TemporaryFolder()
        let sha256 = try Self.keep([4, 5], try Self.files(folder))
        _ = FileManager.default.createFile(atPath: "\(folder.path)/models/upload-old", contents: Data([1]))
        _ = try Self.files(folder)
        #expect(folder.names(in: "models") == [sha256])
    }

    @Test("a disk that refuses is said as the log says it, so that it is no fault of the server's")
    func diskRefuses() throws {
        let folder = try TemporaryFolder()
        let files = try Self.files(folder)
        try folder.remove("models")
        let error = #expect(throws: LogError.self) { try files.beginUpload(uuid: "u") }
        guard case .disk(let disk)? = error else {
            Issue.record("\(String(describing: error)) is not the disk's")
            return
        }
        #expect(disk.kind == .notFound)
    }

    @Test("without the library a question says so, with the remedy")
    func noLibrary() throws {
        let files = try Self.files(try TemporaryFolder())
        #expect(throws: ServingError.libraryUnavailable(tried: [])) { try files.session(sha256: "00") }
    }

    // The scores of a file with one bit changed were logged under the hash of the whole one.
    @Test("a kept model of which any bit changed is refused by its file's name, with the remedy")
    func changed() throws {
        let folder = try TemporaryFolder()
        let files = try Self.files(folder, byteCountMax: 2 << 20)
        // Longer than the pieces in which a file is read.
        var bytes = (0..<(1 << 20) + 77).map { UInt8(truncatingIfNeeded: $0 * 7) }
        let sha256 = try Self.keep(bytes, files)
        try files.requireWhole(sha256)
        let url = URL(fileURLWithPath: "\(folder.path)/models/\(sha256)")
        for position in [0, bytes.count - 1] {
            bytes[position] ^= 0x40
            try Data(bytes).write(to: url)
            let error = #expect(throws: ModelFileError.self, "byte \(position)") {
                try files.requireWhole(sha256)
            }
            #expect(
                error?.description == "models/\(sha256) holds other bytes than its name says: their hash is "
                    + "\(SHA256.hexDigest(bytes)); restore the file from a backup, or upload the same model again"
            )
            bytes[position] ^= 0x40
        }
        try Data(bytes.dropLast()).write(to: url)
        #expect(throws: ModelFileError.self) { try files.requireWhole(sha256) }
        // The remedy helps.
        #expect(try Self.keep(bytes, files, uuid: "again") == sha256)
        try files.requireWhole(sha256)
    }

    @Test("a file that is gone or cannot be read is said as that, with its remedy, and is news once")
    func notShown() throws {
        let folder = try TemporaryFolder()
        let files = try Self.files(folder)
        let sha256 = try Self.keep([1, 2, 3], files)
        let path = "\(folder.path)/models/\(sha256)"
        func refusal() -> ModelFileError? {
            let error = #expect(throws: ModelFileError.self) { try files.requireWhole(sha256) }
            return error
        }
        let anew = "restore the file from a backup, or upload the same model again"
        try folder.remove("models/" + sha256)
        let missing = refusal()
        #expect(
            missing?.description
                == "models/\(sha256) is missing, and the catalogue has a model of it; \(anew)")
        #expect(missing?.isNews == true)
        #expect(refusal()?.isNews == false)
        // A link to itself is not opened, whoever asks.
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: path)
        let unreadable = refusal()
        #expect(unreadable?.problem.hasPrefix("cannot be read: ") == true)
        #expect(unreadable?.remedy == "ask again, and where it stays so, " + anew)
        #expect(unreadable?.isNews == true)
        try folder.remove("models/" + sha256)
        #expect(refusal()?.isNews == true)
        // Mended, and gone once more.
        _ = try Self.keep([1, 2, 3], files, uuid: "again")
        try folder.remove("models/" + sha256)
        #expect(refusal()?.isNews == true)
    }

    @Test("of a file that may not be read the permission is the remedy, and no backup")
    func denied() {
        let error = ModelFileError(
            "models/aa", DiskError(kind: .denied, operation: "open", file: "models/aa", reason: "not allowed")
        )
        #expect(
            error.description
                == "models/aa cannot be read: not allowed; give the user that the server runs as the right to it"
        )
    }

    // MARK: With the library

    @Test(
        "a changed model is not loaded though the library would take it, and is once it was uploaded again",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func changedIsNotLoaded() throws {
        let folder = try TemporaryFolder()
        let whole = try TestData.model("card_fraud.onnx")
        let sha256 = try Self.keep(whole, try Self.files(folder, runtime: try Self.runtime()))
        let files = try Self.files(folder, runtime: try Self.runtime())
        // Another model: nothing is wrong with it but that it is not this one.
        try Data(try TestData.model("amounts_and_rates.onnx")).write(
            to: URL(fileURLWithPath: "\(folder.path)/models/\(sha256)"))
        for _ in 0..<2 {
            #expect(throws: ModelFileError.self) { try files.session(sha256: sha256) }
        }
        #expect(files.loadCount.withLock { $0 } == 0)
        #expect(try Self.keep(whole, files, uuid: "again") == sha256)
        files.forget(except: [])
        #expect(try files.session(sha256: sha256).signature.inputs.count == 1)
    }

    static func runtime() throws -> Result<ModelRuntime, ServingError> { .success(try ModelRuntime()) }

    @Test(
        "what is no model is refused and leaves no file, and nobody learns where files lie",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func noModel() throws {
        let folder = try TemporaryFolder()
        let files = try Self.files(folder, runtime: try Self.runtime())
        let error = #expect(throws: ServingError.self) { try Self.keep([1, 2, 3], files) }
        #expect("\(try #require(error))".hasPrefix("not a usable ONNX model: "))
        #expect(!"\(try #require(error))".contains(folder.path))
        #expect(folder.names(in: "models") == [])
    }

    @Test(
        "a model of types that are not served is refused and leaves no file",
        .enabled(if: Library.isNamed, "\(Library.remedy)"),
        arguments: ["text_input.onnx", "sequence_output.onnx", "weights_elsewhere.onnx"])
    func notServed(_ name: String) throws {
        let folder = try TemporaryFolder()
        let files = try Self.files(folder, runtime: try Self.runtime())
        #expect(throws: ServingError.self) { try Self.keep(try TestData.model(name), files) }
        #expect(folder.names(in: "models") == [])
    }

    @Test(
        "a model is loaded once for many first questions at once, and again after it was forgotten",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func sharedSession() async throws {
        let folder = try TemporaryFolder()
        let sha256 = try Self.keep(
            try TestData.model("card_fraud.onnx"), try Self.files(folder, runtime: try Self.runtime()))
        // Opened again: nothing is loaded yet.
        let files = try Self.files(folder, runtime: try Self.runtime())
        let sessions = try await withThrowingTaskGroup(of: ModelSession.self) { group in
            for _ in 0..<16 { group.addTask { try files.session(sha256: sha256) } }
            var found: [ModelSession] = []
            for try await session in group { found.append(session) }
            return found
        }
        #expect(sessions.allSatisfy { $0 === sessions[0] })
        #expect(files.loadCount.withLock { $0 } == 1)
        files.forget(except: [sha256])
        #expect(try files.session(sha256: sha256) === sessions[0])
        files.forget(except: [])
        #expect(try files.session(sha256: sha256) !== sessions[0])
    }
}
