// Checked: threads of the network never wait for the disk. What requests make durable is synced elsewhere, so that a
// disk that takes its time holds up those alone who wait for it.

import Disk
import HTTPTypes
import Hummingbird
import HummingbirdTesting
import NIOPosix
import StoreSupport
import Synchronization
import TestSupport
import Testing

@testable import HTTPAPI
@testable import Store

@Suite("Syncs and event loops")
struct EventLoopSyncTests {
    @Test("no file is synced on an event loop, whatever is posted", .timeLimit(.minutes(5)))
    func syncs() async throws {
        let (folder, clock) = (try TemporaryFolder(), ManualClock())
        let counts = Mutex((all: 0, onLoops: 0))
        let files = WatchedFiles(PosixFileSystem(root: folder.path)) { _, call in
            guard call == .sync else { return }
            let isOnLoop = MultiThreadedEventLoopGroup.currentEventLoop != nil
            counts.withLock { counts in
                counts.all += 1
                if isOnLoop { counts.onLoops += 1 }
            }
        }
        let store = try InferenceStore.open(folder.configuration(), on: files, sources: clock.sources).store
        let application = Application(
            router: APIServer.router(store, publicURL: nil, logger: noLog), logger: noLog)
        try await application.test(.live) { inner in
            let client = Client(folder: folder, clock: clock, store: store, inner: inner)
            try await client.createPipeline()
            let upload = try await client.upload("m", try TestData.model("card_fraud.onnx"))
            #expect(upload.status == 200, "\(upload.text)")
            // Small ones, which share envelopes, and ones that fill blocks.
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<16 {
                    let rowCount = number % 4 == 0 ? 3000 : 1
                    group.addTask {
                        for turn in 0..<4 {
                            try await client.append(
                                (0..<rowCount).map { (Double($0 % 60), Double(turn + $0)) },
                                partition: "p\(number)")
                        }
                    }
                }
                try await group.waitForAll()
            }
            let deleted = try await client.post("/v1/logs/topic/\(Client.topic)/delete", "{}")
            #expect(deleted.status == 200, "\(deleted.text)")
        }
        try await store.close()
        let (all, onLoops) = counts.withLock { $0 }
        #expect(all > 10 && onLoops == 0, "\(onLoops) of \(all) syncs")
    }
}
