/** The oldest Node that strips types by itself: https://nodejs.org/api/typescript.html#type-stripping */
const OLDEST = { major: 22, minor: 18 };

/** One sentence when `version` (as in `process.versions.node`) cannot run a TypeScript program, else nothing. */
export const nodeProblem = (version: string): string | undefined => {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const enough = major > OLDEST.major || (major === OLDEST.major && minor >= OLDEST.minor);
  if (enough && !(major === 23 && minor < 6)) return undefined;
  return `Node ${version} cannot run TypeScript as it is: use Node ${OLDEST.major}.${OLDEST.minor} or newer (\`npm ci\` installs one where it can; npm scripts use it).`;
};

/** Throws that sentence. */
export const requireNode = (version: string = process.versions.node): void => {
  const problem = nodeProblem(version);
  if (problem) throw new Error(problem);
};
