// Where things are. Always true: from dist/bench/, where the compiled bench runs.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('../../', import.meta.url))
export const NODE = process.execPath
export const MANYHANDS = join(ROOT, 'dist/coordinator/command/main.cjs')
/** What is measured beside ours is installed here, never among the package's own dependencies. */
export const PEERS_FOLDER = join(ROOT, '.cache/bench')

/** A version manager's shim in place of python3 would add tens of milliseconds to every start. */
export const PYTHON =
  process.env['MANYHANDS_PYTHON'] ?? (existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3')
