export const TRIVIAL_QUEUE = 'honest-jobs-bench-trivial';
