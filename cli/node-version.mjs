// Plain JavaScript, since an older Node cannot read the rest of this project.
const major = Number(process.versions.node.split('.')[0]);
if (major < 24) {
  console.error(
    `honest-jobs runs on Node 24 or newer; this is Node ${process.versions.node}. "npm ci" installs Node 24 for this project alone: run it, then this command again.`,
  );
  process.exit(1);
}
