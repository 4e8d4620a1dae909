// PDF.js takes a worker without a window for its own second half, and answers on its port.
(self as unknown as { window: unknown }).window = self;
