// What is asked at once, and answered in its order.

/** Return what all promises give. Throws what the first that fails in their order throws, once all have ended. */
export async function together<T>(asked: readonly Promise<T>[]): Promise<T[]> {
  const answers = await Promise.allSettled(asked);
  return answers.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
}
