// A job's code as files: what a coordinator packs and an agent unpacks. Both sides hold to the same rules for names and
// sizes, so that what an agent would refuse is refused before anything is sent. The codec turns it into the wire's Bundle.

export interface BundleFile {
  /** Relative, with "/" between its parts; never absolute, never with "..". */
  readonly path: string
  readonly content: Uint8Array
}

export interface BundleLimits {
  readonly files: number
  readonly bytes: number
}

// Larger: a stray data or vendor folder is shipped to every agent before anyone notices. Smaller: honest programs are refused.
export const BUNDLE_LIMITS: BundleLimits = { files: 2_000, bytes: 32 * 1024 * 1024 }

const PATH_BYTES = 1_000
const PART_BYTES = 255
// Names that Windows gives to devices; refused everywhere, so that a bundle means the same on every host.
const DEVICE = /^(?:con|prn|aux|nul|com[0-9]|lpt[0-9]|conin\$|conout\$)(?:\..*)?$/i
// Control and format characters, among them those that turn the direction of what is shown.
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u

/** Why a bundle may not hold a file of this name; undefined when it may. */
export function bundlePathFault(path: string): string | undefined {
  if (path === '') return 'the name is empty'
  if (UNSEEN.test(path)) return 'the name holds control or unseen characters'
  if (Buffer.byteLength(path) > PATH_BYTES) return `the name is longer than ${PATH_BYTES} bytes`
  if (path.includes('\\')) return 'the name holds a backslash'
  if (path.startsWith('/')) return 'the name is absolute'
  for (const part of path.split('/')) {
    if (part === '') return 'a part of the name is empty'
    if (part === '.' || part === '..') return `the name holds "${part}"`
    if (/[<>:"|?*]/.test(part)) return 'the name holds a character that not every file system has'
    if (/^ |[ .]$/.test(part)) return 'a part of the name begins with a space, or ends in a space or dot'
    if (DEVICE.test(part)) return `"${part}" is the name of a device`
    if (Buffer.byteLength(part) > PART_BYTES) return `a part of the name is longer than ${PART_BYTES} bytes`
  }
  return undefined
}

/** Why these files are no bundle that an agent would unpack; undefined when they are. */
export function bundleFault(files: readonly BundleFile[], limits: BundleLimits = BUNDLE_LIMITS): string | undefined {
  if (files.length === 0) return 'the bundle holds no files'
  if (files.length > limits.files) return `the bundle holds ${files.length} files; at most ${limits.files} are allowed`
  let bytes = 0
  // Two names that a file system without case would take for one, and a file that is also a folder.
  const names = new Map<string, 'file' | 'folder'>()
  for (const { path, content } of files) {
    const fault = bundlePathFault(path)
    if (fault !== undefined) return `${JSON.stringify(path)}: ${fault}`
    bytes += content.byteLength
    if (bytes > limits.bytes) return `the bundle holds more than ${limits.bytes} bytes`
    const folded = path.normalize('NFKC').toLowerCase()
    if (names.has(folded)) return `${JSON.stringify(path)}: the name is there twice, case aside`
    names.set(folded, 'file')
    const parts = folded.split('/')
    for (let depth = 1; depth < parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/')
      if (names.get(folder) === 'file') return `${JSON.stringify(path)}: a folder of it is a file, too`
      names.set(folder, 'folder')
    }
  }
  return undefined
}
