// Checked here: each command, nested ones too, shows an example in its help, and takes that example.
//
// An example is a line below "Example:", up to an empty one; it may go on behind a backslash, have quotes, and stand
// in a pipe. It is taken where its options and arguments are those of the command: nothing of it is run.

import ArgumentParser
import Testing

@testable import assaylog

@Suite("Examples of the help")
struct ExampleTests {
    private typealias Call = (path: [String], command: any ParsableCommand.Type)

    /// A command and all below it, each with the words that call it.
    private static func all(_ command: any ParsableCommand.Type, under path: [String] = []) -> [Call] {
        let path = path + [command.configuration.commandName ?? "?"]
        return [(path, command)] + command.configuration.subcommands.flatMap { all($0, under: path) }
    }

    /// The lines of the examples.
    private static func examples(in help: String) -> [Substring] {
        let lines = help.split(separator: "\n", omittingEmptySubsequences: false)
        guard let start = lines.firstIndex(of: "Example:") else { return [] }
        return Array(lines[(start + 1)...].prefix { !$0.isEmpty })
    }

    /// What the program is called with in a line of a shell.
    private static func calls(in line: Substring) -> [[String]] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        for character in line {
            if character == quote {
                quote = nil
            } else if quote == nil, character == "\"" || character == "'" {
                quote = character
                word = word ?? ""
            } else if quote == nil, character == " " {
                if let word { words.append(word) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let word { words.append(word) }
        return words.split(separator: "|").filter { $0.first == "assaylog" }.map {
            Array($0.dropFirst().prefix { $0 != "<" && $0 != ">" })
        }
    }

    @Test("each command has an example in its help that it takes")
    func examples() {
        let commands = Self.all(Assaylog.self)
        #expect(commands.map { $0.path.joined(separator: " ") }.contains("assaylog webhook switch"))
        for (path, command) in commands {
            let name = path.joined(separator: " ")
            let lines = Self.examples(in: command.configuration.discussion)
            #expect(!lines.isEmpty, "\(name) has no example")
            // As wide as where nobody says how wide: a line that is folded is no command any more.
            let help = Assaylog.helpMessage(for: command, includeHidden: false, columns: 80)
            #expect(Self.examples(in: help) == lines, "\(name)")
            // What ends in a backslash goes on.
            for line in lines.joined(separator: "\n").replacing("\\\n", with: " ").split(separator: "\n") {
                let calls = Self.calls(in: line)
                #expect(!calls.isEmpty, "\(name): \(line)")
                for call in calls {
                    #expect(call.starts(with: path.dropFirst()), "\(name): \(line)")
                    do {
                        let taken = type(of: try Assaylog.parseAsRoot(call))
                        // An example of several commands is one of each.
                        let isOfOne = command.configuration.subcommands.isEmpty
                        #expect((taken == command) == isOfOne, "\(name): \(line)")
                    } catch {
                        Issue.record("\(name): \(line)\n\(Assaylog.fullMessage(for: error))")
                    }
                }
            }
        }
    }

    @Test("an option that a command has not makes its example none")
    func misspelled() throws {
        let line: Substring = "  cat a | assaylog query --pipeline \"a b\" --path 'output y 0' --sumary > x"
        let call = try #require(Self.calls(in: line).first)
        #expect(call == ["query", "--pipeline", "a b", "--path", "output y 0", "--sumary"])
        #expect(throws: (any Error).self) { try Assaylog.parseAsRoot(call) }
    }
}
