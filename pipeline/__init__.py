"""What happens to one article: plain, synchronous, picklable functions that know no broker and no index."""
