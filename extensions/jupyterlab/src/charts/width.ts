import { RefObject, useEffect, useRef, useState } from 'react';

/** The width that an element has in pixels, within bounds; the usual one until it is known. */
export function useWidth<T extends Element>(
  usual: number,
  least: number,
  most: number
): [RefObject<T>, number] {
  const ref = useRef<T>(null);
  const [width, setWidth] = useState(usual);
  useEffect(() => {
    if (!ref.current || typeof ResizeObserver === 'undefined') {
      return;
    }
    const observer = new ResizeObserver(([{ contentRect }]) => {
      if (contentRect.width > 0) {
        setWidth(Math.round(Math.min(Math.max(contentRect.width, least), most)));
      }
    });
    observer.observe(ref.current);
    return () => observer.disconnect();
  }, [least, most]);
  return [ref, width];
}
