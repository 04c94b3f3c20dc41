// SHA-256, lines and bytes of every file below a folder, as a table.
//
//   manyhands map examples/hashes.ts --glob 'docs/**/*.md' --output hashes.csv
//
// In: a path (one item of --glob). Out: an object; a .csv file has a column for each of its keys, .jsonl an object a line.
// A file that cannot be read is that item's failure alone: the others have their rows, and the exit code is 1.
import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

export interface FileHash {
  path: string
  bytes: number
  lines: number
  sha256: string
}

// Async functions are awaited. The file is read in pieces, so that its size does not matter.
export default async function hashes(path: string): Promise<FileHash> {
  const hash = createHash('sha256')
  let bytes = 0
  let lines = 0
  for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(piece)
    bytes += piece.length
    for (let at = piece.indexOf(10); at !== -1; at = piece.indexOf(10, at + 1)) lines++
  }
  return { path, bytes, lines, sha256: hash.digest('hex') }
}
