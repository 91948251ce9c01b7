// Invariants checked: the two at the head of ModelRuntime.swift, in that order.

import Glibc
import TestSupport
import Testing

@testable import Serving

@Suite("Finding ONNX Runtime")
struct ModelRuntimeTests {
    /// What a search says that finds nothing.
    func tried(
        explicit: String? = nil, environment: String? = nil, defaults: [String] = []
    ) throws -> [LibraryAttempt] {
        let error = servingError { () throws(ServingError) in
            _ = try ModelRuntime(
                explicit: explicit, environment: environment, defaults: defaults)
        }
        guard case .libraryUnavailable(let tried) = error else {
            Issue.record("\(String(describing: error)) is not libraryUnavailable")
            return []
        }
        return tried
    }

    @Test("an explicit path is the only place tried")
    func explicitOnly() throws {
        let tried = try tried(
            explicit: "/nowhere/a.so", environment: "/nowhere/b.so", defaults: ["/nowhere/c.so"])
        #expect(
            tried == [
                LibraryAttempt(
                    place: "/nowhere/a.so (as configured)", reason: "No such file or directory")
            ])
    }

    @Test("the environment's place is not passed over for a default")
    func environmentOnly() throws {
        let tried = try tried(environment: "/nowhere/b.so", defaults: ["/nowhere/c.so"])
        #expect(
            tried == [
                LibraryAttempt(
                    place: "/nowhere/b.so (ASSAYLOG_ONNXRUNTIME)",
                    reason: "No such file or directory")
            ])
    }

    @Test("every default that was tried is listed, in order, with its reason")
    func defaultsInOrder() throws {
        let tried = try tried(defaults: [
            "/nowhere/c.so", "/", "\(TestData.root)/Package.swift", "libnowhere.so.1",
        ])
        #expect(
            tried.map(\.place) == [
                "/nowhere/c.so (default)", "/ (default)",
                "\(TestData.root)/Package.swift (default)",
                "libnowhere.so.1 (default)",
            ])
        #expect(tried[0].reason == "No such file or directory")
        #expect(tried[1].reason.contains("has no libonnxruntime.so"))
        // The rest is the system loader's sentence.
        #expect(tried[2].reason.contains("Package.swift"))
        #expect(tried[3].reason.contains("libnowhere.so.1"))
    }

    @Test("a library which is not ONNX Runtime is told apart from none")
    func anotherLibrary() throws {
        let tried = try tried(explicit: "libc.so.6")
        #expect(tried.map(\.reason) == ["is a library, but not ONNX Runtime"])
    }

    @Test("no places at all is an error that still says the remedy")
    func noPlaces() throws {
        #expect(try tried() == [])
        #expect("\(ServingError.libraryUnavailable(tried: []))".contains("Tools/dev setup"))
    }

    @Test("versions in file names are read, and other files are not libraries")
    func versions() {
        #expect(ModelRuntime.libraryVersion(inFileName: "libonnxruntime.so") == [])
        #expect(ModelRuntime.libraryVersion(inFileName: "libonnxruntime.so.1.32.0") == [1, 32, 0])
        for name in [
            "libonnxruntime_providers_shared.so", "libonnxruntime.so.1.", "libonnxruntime.soo",
        ] {
            #expect(ModelRuntime.libraryVersion(inFileName: name) == nil)
        }
    }

    @Test(
        "the environment's library opens and says its version",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func opens() throws {
        let runtime = try Library.opened.get()
        #expect(runtime.version.split(separator: ".").count == 3)
        #expect(runtime.path.contains("libonnxruntime.so"))
    }

    @Test(
        "the first default that opens is taken, be it a folder",
        .enabled(if: Library.isNamed, "\(Library.remedy)"))
    func folders() throws {
        let path = try Library.opened.get().path
        let folder = path.split(separator: "/").dropLast().map { "/" + $0 }.joined()
        let found = try ModelRuntime(environment: nil, defaults: ["/nowhere", folder, "/nowhere"])
        #expect(found.path.hasPrefix(folder + "/libonnxruntime.so"))
    }

    @Test("in a folder of several versions the latest is opened, also a Python package's")
    func latest() throws {
        let folder = "\(temporaryFolder())/onnxruntime/capi"
        let parent = String(folder.dropLast("/onnxruntime/capi".count))
        for path in [parent, parent + "/onnxruntime", folder] { mkdir(path, 0o700) }
        for version in ["1.9.0", "1.32.0", "1.4.1"] {
            let file = open("\(folder)/libonnxruntime.so.\(version)", O_CREAT | O_WRONLY, 0o600)
            try #require(file >= 0)
            close(file)
        }
        // The files are empty, so none opens; but the reason names the one that was chosen.
        let tried = try tried(defaults: [parent])
        #expect(tried.count == 1)
        #expect(try #require(tried.first).reason.contains("libonnxruntime.so.1.32.0"))
        for version in ["1.9.0", "1.32.0", "1.4.1"] {
            unlink("\(folder)/libonnxruntime.so.\(version)")
        }
        for path in [folder, parent + "/onnxruntime", parent] { rmdir(path) }
    }

    private func temporaryFolder() -> String { "/tmp/assaylog-serving-tests-\(getpid())" }
}
