// libtorch's headers include this name and use nothing of it; see ../context.h.

#pragma once
