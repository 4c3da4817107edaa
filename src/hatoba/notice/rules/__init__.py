"""Letters that people's rules ask for: vacation replies, rejections, notifications; composed here, sent by others."""
