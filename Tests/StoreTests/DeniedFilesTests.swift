// Invariant checked: what may not be read is not called absent or damaged (StoreView.swift, StoreCheck.swift).

import Disk
import Testing

@testable import Store

/// A file system that does not let its user read one file or directory; the tests' own user may be one who is
/// let to do anything.
private struct DenyingFileSystem: FileSystem {
    let base: PosixFileSystem
    let denied: String

    private func ask(_ operation: String, _ name: String) throws(DiskError) {
        guard name == denied else { return }
        throw DiskError(kind: .denied, operation: operation, file: name, reason: "Permission denied")
    }

    func createDirectory(_ name: String) throws(DiskError) { try base.createDirectory(name) }
    func list(_ directory: String) throws(DiskError) -> [String] {
        try ask("list", directory)
        return try base.list(directory)
    }
    func create(_ name: String) throws(DiskError) -> any WritableFile { try base.create(name) }
    func open(_ name: String) throws(DiskError) -> any ReadableFile {
        try ask("open", name)
        return try base.open(name)
    }
    func rename(_ name: String, to newName: String) throws(DiskError) { try base.rename(name, to: newName) }
    func remove(_ name: String) throws(DiskError) { try base.remove(name) }
    func syncDirectory(_ directory: String) throws(DiskError) { try base.syncDirectory(directory) }
    func lock(_ name: String) throws(DiskError) -> any Sendable { try base.lock(name) }
}

@Suite struct DeniedFilesTests {
    @Test("a data directory that may not be looked into is refused as that, not as holding nothing")
    func directory() async throws {
        let scene = try await HousekeepingTests.filled()
        try await scene.store.close()
        let files = DenyingFileSystem(base: PosixFileSystem(root: scene.folder.path), denied: "")
        let view = #expect(throws: DiskError.self) { try StoreView.open(on: files, named: "data") }
        #expect(view?.description.contains("Permission denied; give the user that this runs as") == true)
        let copy = #expect(throws: DiskError.self) {
            try StoreSnapshot.take(of: files, to: PosixFileSystem(root: scene.folder.path + "-copy"))
        }
        #expect(copy?.kind == .denied)
    }

    @Test("of a segment that may not be read, a check advises the permission and not a backup")
    func segment() async throws {
        let scene = try await HousekeepingTests.filled()
        try await scene.store.close()
        let files = DenyingFileSystem(
            base: PosixFileSystem(root: scene.folder.path), denied: FileName.segment(1))
        let check = try StoreCheck.run(on: files)
        let finding = try #require(check.findings.first)
        #expect(finding.file == FileName.segment(1) && finding.isDenied)
        #expect(check.remedy?.contains("let the user that this runs as read the files") == true)
        #expect(check.remedy?.contains("from a backup") == false)
    }
}
