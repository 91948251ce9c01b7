// The command line: a file for each subcommand, or for those of one purpose.
//
// Invariant: the process ends with 0, with 1 where the command failed, with 2 where the command
// line itself is wrong.

import ArgumentParser
import CMemory
import Glibc

// Each command says its name in its configuration: the library would find it by looking through all types
// of the program, for every command at every start, which took longer than opening a log.

@main
struct Assaylog: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "assaylog",
        abstract:
            "An inference log store that tells whether a model has drifted, since when, on which input.",
        discussion: """
            Example:
              assaylog append --create --workspace demo --pipeline fraud records.ndjson
              assaylog serve --data ./assaylog-data
            """,
        version: "0.1.0",
        subcommands: [
            Serve.self, Append.self, Query.self, Logs.self, Export.self, Summarize.self, AssayCommand.self,
            WebhookCommand.self, Rebuild.self, Inspect.self, Check.self, Compact.self, Retain.self,
            Delete.self, Redact.self,
            Snapshot.self, Restore.self, Bench.self,
        ])

    static func main() async {
        assaylog_keep_memory()
        allowManyFiles()
        do {
            let command = try parseAsRoot()
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                var command = command
                try command.run()
            }
        } catch {
            let code = exitCode(for: error)
            let message = fullMessage(for: error)
            if code == .success {
                if !message.isEmpty { print(message) }
                return
            }
            if !message.isEmpty { Output.note(message) }
            // The library says 64, as BSD's sysexits does; scripts are promised 2.
            Glibc.exit(code == .validationFailure ? 2 : 1)
        }
    }

    /// A log of years is thousands of files, of which a question about all of it opens every one; the limit
    /// that processes begin with is often 1,024, and may be raised as far as the system allows.
    private static func allowManyFiles() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0,
            limit.rlim_cur < limit.rlim_max
        else { return }
        limit.rlim_cur = limit.rlim_max
        _ = setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
